/** One peer: its state and why, its SA contexts, main mode SAs, connections, NAT clients and past. */

import { getPeer, type PeerDetail, type RecentFailure } from '../../client';
import { useAnswer } from '../api/answer';
import { body } from '../api/client';
import { count, counted } from '../format/numbers';
import { link } from '../route/route';
import { Answered, Nothing, Panel } from '../ui/panel';
import { Pair, Pairs } from '../ui/pairs';
import { Address, Ago, Bytes, Name, None, Rate, Sign, State, Tag, Weaknesses } from '../ui/words';
import { protectionLabel, valueLabel } from '../words/values';
import { IkeSaPairs } from './main-mode';
import { Diagnosis } from './diagnosis';
import { EndedRows } from './ended';
import { traffic } from './contexts';
import { complete } from './traffic';

const MAX = 50;

/** Show a peer. */
export function PeerPage({ address }: { address: string }) {
  const answer = useAnswer(
    `peer ${address}`,
    (signal) => body(getPeer({ path: { address }, signal, throwOnError: true })),
    5,
  );
  return (
    <>
      <div class="head">
        <h1>
          Peer <Address value={address} />
          {answer.data !== undefined && (
            <span class="count">
              <State kind="peer" value={answer.data.state} />
            </span>
          )}
        </h1>
        {answer.data?.isExpected === true && (
          <Tag title="The settings expect SAs with this peer.">expected</Tag>
        )}
      </div>
      {answer.rejection?.status === 404 ? (
        <Unknown address={address} />
      ) : (
        <Answered answer={answer} lines={12}>
          {(peer) => <Peer peer={peer} />}
        </Answered>
      )}
    </>
  );
}

function Unknown({ address }: { address: string }) {
  return (
    <Panel title="There is no such peer">
      <p>
        This host has no SA with <Address value={address} />, the settings do not expect one, and no
        negotiation with it failed in the last hour that this key or account may see.
      </p>
      <ul class="checks">
        <li>
          Does traffic with that address match a rule? Without one, nothing is negotiated, and traffic is not
          protected.
        </li>
        <li>Is the peer up, and do UDP 500 and 4500 pass in both directions?</li>
        <li>
          Has the key the scope <code>diagnostics:read</code>? Without it, failures are hidden.
        </li>
        <li>Is it the outer address? Behind NAT, the peer appears under the NAT’s address.</li>
      </ul>
      <p>
        <a href={link(['ended'], { remoteAddress: address })}>Ended SA contexts with this peer</a>
      </p>
    </Panel>
  );
}

function Peer({ peer }: { peer: PeerDetail }) {
  const failures = peer.recentFailures ?? [];
  const isProtected = peer.state === 'protected';
  const diagnosis = (
    <Panel title="Diagnosis" wide>
      <Diagnosis peer={peer} />
    </Panel>
  );
  return (
    <div class="grid two">
      {!isProtected && diagnosis}
      <Panel title="In brief">
        <Pairs>
          <Pair label="Names">
            {peer.principalNames.map((name) => (
              <div key={name}>
                <a href={link(['sa-contexts'], { principalName: name })}>
                  <Name value={name} />
                </a>
              </div>
            ))}
            {peer.principalNameCount > peer.principalNames.length && (
              <span class="soft">{count(peer.principalNameCount)} in all</span>
            )}
            {peer.principalNames.length === 0 && <Name value={null} />}
          </Pair>
          <Pair label="SA contexts">
            <a href={link(['sa-contexts'], { remoteAddress: peer.address })}>{count(peer.saContexts)}</a>
            {complete(peer)}
          </Pair>
          <Pair label="Main mode SAs">
            {count(peer.ikeSas)} {peer.keyModules.map(valueLabel).join(', ')}
          </Pair>
          <Pair label="Protection">
            {peer.protections.length === 0 && <None />}
            {peer.protections.map(({ protection, saContexts }) => (
              <div key={protection}>
                {protectionLabel(protection)} <span class="soft">× {count(saContexts)}</span>
              </div>
            ))}
          </Pair>
          <Pair label="Weaknesses">
            <Weaknesses values={peer.weaknesses} />
          </Pair>
          <Pair label="Received">
            <Bytes value={peer.bytesInbound} />{' '}
            <span class="soft">
              <Rate value={peer.bytesInboundPerSecond} />
            </span>
          </Pair>
          <Pair label="Sent">
            <Bytes value={peer.bytesOutbound} />{' '}
            <span class="soft">
              <Rate value={peer.bytesOutboundPerSecond} />
            </span>
          </Pair>
          <Pair label="Last change">
            <Ago value={peer.lastChange} />
          </Pair>
        </Pairs>
      </Panel>
      <Panel
        title="Failures in the last hour"
        to={failures.length > 0 ? link(['failures'], { remoteSubnet: peer.address }) : undefined}
      >
        {peer.recentFailures === undefined ? (
          <Nothing>
            Hidden: the key or account needs the scope <code>diagnostics:read</code>.
          </Nothing>
        ) : failures.length === 0 ? (
          <Nothing>None.</Nothing>
        ) : (
          <FailureRows failures={failures} />
        )}
      </Panel>
      {isProtected && diagnosis}
      <Panel
        title="SA contexts"
        wide
        to={link(['sa-contexts'], { remoteAddress: peer.address })}
        note="quick mode SAs"
      >
        <ContextRows peer={peer} />
      </Panel>
      {peer.natClientItems.length > 0 && (
        <Panel title="Clients behind NAT" note={counted(peer.natClients, 'client')}>
          <ul class="items">
            {peer.natClientItems.slice(0, MAX).map((client) => (
              <li key={`${String(client.remoteUdpEncapPort)} ${client.mmSaId ?? ''}`}>
                <a
                  href={link(['sa-contexts'], {
                    remoteAddress: peer.address,
                    udpPort: String(client.remoteUdpEncapPort),
                  })}
                >
                  UDP {client.remoteUdpEncapPort}
                </a>
                <Name value={client.principalName} />
                <span class="soft">{counted(client.saContexts, 'SA context')}</span>
              </li>
            ))}
          </ul>
        </Panel>
      )}
      {peer.ikeSaItems.slice(0, 6).map((sa) => (
        <Panel key={sa.saId} title="Main mode SA" note="Get-NetIPsecMainModeSA">
          <IkeSaPairs sa={sa} />
        </Panel>
      ))}
      <Panel title="Past" wide to={link(['ended'], { remoteAddress: peer.address })}>
        {peer.ended.length === 0 ? (
          <Nothing>Nothing ended since the server began to watch.</Nothing>
        ) : (
          <EndedRows items={peer.ended.slice(0, MAX)} />
        )}
      </Panel>
    </div>
  );
}

function FailureRows({ failures }: { failures: readonly RecentFailure[] }) {
  return (
    <ul class="items">
      {failures.map((failure) => (
        <li key={failure.code}>
          <Sign tone="bad" />
          <a href={link(['failures', String(failure.code)])}>{failure.name ?? failure.codeHex}</a>
          <span class="number">× {count(failure.count)}</span>
          <span class="soft">
            <Ago value={failure.newest} />
          </span>
        </li>
      ))}
    </ul>
  );
}

function ContextRows({ peer }: { peer: PeerDetail }) {
  if (peer.saContextItems.length === 0) return <Nothing>No SA contexts.</Nothing>;
  return (
    <div class="rows-box" tabIndex={0} role="region" aria-label="Table of SA contexts">
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">Id</th>
            <th scope="col">State</th>
            <th scope="col">Protection</th>
            <th scope="col">Weaknesses</th>
            <th scope="col">Traffic</th>
            <th scope="col">Rule</th>
          </tr>
        </thead>
        <tbody>
          {peer.saContextItems.slice(0, MAX).map((item) => (
            <tr key={item.saContextId}>
              <td>
                <a class="number" href={link(['sa-contexts', item.saContextId])}>
                  {item.saContextId}
                </a>
              </td>
              <td>
                <State kind="context" value={item.state} />
              </td>
              <td>{item.protection === null ? '' : protectionLabel(item.protection)}</td>
              <td>
                <Weaknesses values={item.weaknesses} limit={4} />
              </td>
              <td>{traffic(item)}</td>
              <td>
                <Name value={item.ruleName} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
