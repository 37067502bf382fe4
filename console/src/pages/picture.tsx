/** An SA context as a picture: this host, the peer, and between them what protects their traffic. */

import type { ComponentChildren } from 'preact';

import type { IkeSa, SaContext, SaDetails } from '../../client';
import { link } from '../route/route';
import { Address, Name, Sign } from '../ui/words';
import { ipProtocol, soundness, valueLabel } from '../words/values';

/** Draw an SA context. */
export function Picture({ context, mainMode }: { context: SaContext; mainMode: IkeSa | undefined }) {
  const sa = context.outboundSa ?? context.inboundSa;
  if (sa === null) return null;
  const { traffic, saBundle } = sa;
  const names = [saBundle.ipsecId?.mmTargetName, saBundle.ipsecId?.emTargetName].filter(Boolean);
  const own = mainMode?.ikeCredentials[0]?.localCredentials.principalName ?? null;
  return (
    <figure class="picture" aria-label="This host, the peer, and the SAs between them">
      <div class="end">
        <span class="role">This host</span>
        <strong>
          <Address value={traffic.localAddress} />
        </strong>
        <Port value={traffic.localPort} />
        {traffic.localIfAlias !== undefined && <Name value={traffic.localIfAlias} />}
        {own !== null && <Name value={own} />}
      </div>
      <div class="lanes">
        <Lane
          kind="both"
          title="Main mode SA"
          to={saBundle.mmSaId === null ? undefined : link(['sa-contexts'], { mmSaId: saBundle.mmSaId })}
        >
          {mainMode === undefined ? (
            (saBundle.keyModuleState?.keyModule ?? 'unknown')
          ) : (
            <>
              {valueLabel(mainMode.keyModuleType)},{' '}
              {valueLabel(mainMode.ikeProposal.cipherAlgorithm.algoIdentifier)}, DH{' '}
              {valueLabel(mainMode.ikeProposal.dhGroup)}
            </>
          )}
        </Lane>
        <SaLane kind="out" title="Outbound SA" sa={context.outboundSa} />
        <SaLane kind="in" title="Inbound SA" sa={context.inboundSa} />
        <div class="rule">
          <span class="role">
            {traffic.trafficType === 'tunnel' ? 'Tunnel mode' : 'Transport mode'}, {trafficText(sa)}
          </span>
          {sa.ruleName !== null && (
            <a href={link(['sa-contexts'], { ruleName: sa.ruleName })}>
              by <Name value={sa.ruleName} />
            </a>
          )}
        </div>
      </div>
      <div class="end">
        <span class="role">Peer</span>
        <strong>
          <Address value={traffic.remoteAddress} isLink />
        </strong>
        <Port value={traffic.remotePort} />
        {names.map((name) => (
          <Name key={name} value={name} />
        ))}
      </div>
    </figure>
  );
}

function SaLane({ kind, title, sa }: { kind: 'in' | 'out'; title: string; sa: SaDetails | null }) {
  if (sa === null) {
    return (
      <Lane kind={kind} title={title} isMissing>
        missing
      </Lane>
    );
  }
  return (
    <Lane kind={kind} title={title}>
      {sa.saBundle.saList.map(({ spiHex, transform }) => {
        const words = transformWords(transform);
        const worst = words.some((word) => soundness(word) === 'bad')
          ? 'bad'
          : words.some((word) => soundness(word) === 'poor')
            ? 'warn'
            : 'good';
        return (
          <span key={spiHex} class="transform">
            <Sign tone={worst} /> {transform.transformType === 'ah' ? 'AH' : 'ESP'}{' '}
            {[...new Set(words)].map(valueLabel).join(' + ')} <code class="soft">{spiHex}</code>
          </span>
        );
      })}
    </Lane>
  );
}

function Lane({
  kind,
  title,
  to,
  isMissing = false,
  children,
}: {
  kind: 'in' | 'out' | 'both';
  title: string;
  to?: string | undefined;
  isMissing?: boolean;
  children: ComponentChildren;
}) {
  return (
    <div class={`lane ${kind} ${isMissing ? 'missing' : ''}`}>
      <div class="lane-text">
        <span class="role">{to === undefined ? title : <a href={to}>{title}</a>}</span>
        <span>{children}</span>
      </div>
      <svg class="arrow" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
        <line x1="0" y1="5" x2="100" y2="5" />
      </svg>
    </div>
  );
}

function Port({ value }: { value: number | undefined }) {
  return value === undefined || value === 0 ? null : <span class="soft">port {value}</span>;
}

function trafficText({ traffic: { ipProtocol: protocol } }: SaDetails): string {
  return protocol === undefined || protocol === 0 ? 'any traffic' : `${ipProtocol(protocol)} traffic`;
}

function transformWords(transform: SaDetails['saBundle']['saList'][number]['transform']): string[] {
  const words: string[] = [];
  if ('cipherTransform' in transform && transform.cipherTransform !== null)
    words.push(transform.cipherTransform.cipherConfig);
  if ('authTransform' in transform && transform.authTransform !== null)
    words.push(transform.authTransform.authConfig);
  return words;
}
