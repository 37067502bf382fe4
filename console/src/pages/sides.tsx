/** Both directions of an SA context, side by side. */

import type { SaContext, SaDetails } from '../../client';
import { link } from '../route/route';
import { Panel } from '../ui/panel';
import { Name, None, Weaknesses } from '../ui/words';
import { valueLabel } from '../words/values';
import { QUICK_MODE } from '../words/windows';
import { traffic } from './contexts';

/** Show what the outbound and the inbound SA have. */
export function Sides({ context: { inboundSa, outboundSa } }: { context: SaContext }) {
  const sides = [
    ['Outbound', outboundSa],
    ['Inbound', inboundSa],
  ] as const;
  const row = (
    label: string,
    windows: string | undefined,
    cell: (sa: SaDetails) => preact.ComponentChildren,
  ) => (
    <tr>
      <th scope="row">
        {label}
        {windows !== undefined && <span class="windows">{windows}</span>}
      </th>
      {sides.map(([side, sa]) => (
        <td key={side}>{sa === null ? <None meaning="no SA" /> : cell(sa)}</td>
      ))}
    </tr>
  );
  return (
    <Panel title="Both directions" wide>
      <div class="rows-box" tabIndex={0} role="region" aria-label="Table of both directions">
        <table class="rows sides">
          <thead>
            <tr>
              <td />
              {sides.map(([side]) => (
                <th scope="col" key={side}>
                  {side} SA
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {row('SPI', QUICK_MODE.spi, (sa) =>
              sa.saBundle.saList.map(({ spiHex, spi }) => (
                <div key={spiHex}>
                  <code>{spiHex}</code> <span class="soft number">{spi}</span>
                </div>
              )),
            )}
            {row('Rule', QUICK_MODE.ruleName, (sa) =>
              sa.ruleName === null ? (
                <None />
              ) : (
                <a href={link(['sa-contexts'], { ruleName: sa.ruleName })}>
                  <Name value={sa.ruleName} />
                </a>
              ),
            )}
            {row('PFS group', QUICK_MODE.pfsGroup, (sa) => valueLabel(sa.saBundle.pfsGroup))}
            {row('Weaknesses', undefined, (sa) => (
              <Weaknesses values={sa.weaknesses} />
            ))}
            {row(
              'Traffic',
              `${QUICK_MODE.ipProtocol}, ports`,
              ({ traffic: { ipProtocol = null, localPort = null, remotePort } }) =>
                traffic({ ipProtocol, localPort, remotePort }) || <None />,
            )}
            {row('UDP encapsulation', QUICK_MODE.localUdpEncapPort, ({ udpEncapsulation }) =>
              udpEncapsulation === null ? (
                <None />
              ) : (
                `${String(udpEncapsulation.localUdpEncapPort)} → ${String(udpEncapsulation.remoteUdpEncapPort)}`
              ),
            )}
            {row('Flags', QUICK_MODE.flags, ({ saBundle: { flags } }) =>
              flags.names.length === 0 ? (
                <None />
              ) : (
                flags.names.map((flag) => flag.replaceAll('_', ' ')).join(', ')
              ),
            )}
            {row('Quick mode filter', QUICK_MODE.qmFilterId, ({ saBundle: { qmFilterId } }) =>
              qmFilterId === undefined ? (
                <None />
              ) : (
                <a class="number" href={link(['sa-contexts'], { qmFilterId })}>
                  {qmFilterId}
                </a>
              ),
            )}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}
