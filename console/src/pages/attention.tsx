/** What needs attention, in brief: what fails or is down, and what expires soon. */

import type { CertificatePage, FailureList, PeerPage, TunnelPage } from '../../client';
import type { Answer } from '../api/answer';
import { count } from '../format/numbers';
import { link } from '../route/route';
import { Answered, Nothing, Panel } from '../ui/panel';
import { Address, Ago, Name, Sign, State, Tag } from '../ui/words';
import { shortName } from '../words/failures';
import { Expiry } from './certificates';
import { Remote } from './tunnels';

/** Show the peers without the SAs that they should have. */
export function FailingPeers({ answer }: { answer: Answer<PeerPage> }) {
  return (
    <Panel title="Peers failing or down" to="#/peers?state=failing&state=down">
      <Answered answer={answer}>
        {({ items }) =>
          items.length === 0 ? (
            <Nothing>
              <Sign tone="good" /> All peers that this host knows have SAs, or need none.
            </Nothing>
          ) : (
            <ul class="items">
              {items.slice(0, 8).map((peer) => (
                <li key={peer.address}>
                  <Address value={peer.address} isLink />
                  <State kind="peer" value={peer.state} />
                  <span class="soft small" title={peer.recentFailures?.[0]?.name ?? undefined}>
                    {shortName(peer.recentFailures?.[0]?.name ?? '')}
                  </span>
                </li>
              ))}
            </ul>
          )
        }
      </Answered>
    </Panel>
  );
}

/** Show the tunnels without the SAs that they should have. */
export function FailingTunnels({ answer }: { answer: Answer<TunnelPage> }) {
  return (
    <Panel title="Tunnels failing or down" to="#/tunnels" more="All tunnels">
      <Answered answer={answer}>
        {({ items }) =>
          items.length === 0 ? (
            <Nothing>
              <Sign tone="good" /> No tunnel fails, and none that should have SAs is down.
            </Nothing>
          ) : (
            <ul class="items">
              {items.slice(0, 8).map((tunnel) => (
                <li key={tunnel.providerContextKey}>
                  <a href={link(['tunnels', tunnel.providerContextKey])}>
                    <Name value={tunnel.name ?? tunnel.providerContextKey} />
                  </a>
                  <State kind="tunnel" value={tunnel.state} />
                  {tunnel.isFlapping && <Tag tone="warn">flapping</Tag>}
                  <span class="soft small">
                    <Remote endpoints={tunnel.tunnelEndpoints} />
                  </span>
                </li>
              ))}
            </ul>
          )
        }
      </Answered>
    </Panel>
  );
}

/** Show the failures that occurred last, with what they mean. */
export function LatestFailures({ answer }: { answer: Answer<FailureList> }) {
  return (
    <Panel title="Failures" wide to="#/failures" more="By peer, with what to check">
      <Answered answer={answer} lines={6}>
        {({ items }) =>
          items.length === 0 ? (
            <Nothing>No failure is known.</Nothing>
          ) : (
            <ul class="explained">
              {items.slice(0, 4).map((failure) => (
                <li key={failure.id}>
                  <div>
                    <a href={link(['failures', failure.id])} title={failure.name ?? undefined}>
                      {shortName(failure.name ?? failure.codeHex)}
                    </a>
                    <a
                      class="number"
                      href={link(['failures'], { error: String(failure.code) })}
                      title="The events behind this number"
                    >
                      × {count(failure.occurrences?.total ?? 0)}
                    </a>
                    <span class="soft small">
                      <Ago value={failure.occurrences?.newest} />
                    </span>
                  </div>
                  <p class="soft">{failure.explanation}</p>
                </li>
              ))}
            </ul>
          )
        }
      </Answered>
    </Panel>
  );
}

/** Show the certificates of this host that expire soon. */
export function ExpiringCertificates({ answer }: { answer: Answer<CertificatePage> }) {
  return (
    <Panel title="Certificates expiring" to="#/certificates" more="All certificates">
      <Answered answer={answer}>
        {({ items, store }) =>
          items.length === 0 ? (
            <Nothing>
              {store === 'readable' ? (
                <>
                  <Sign tone="good" /> No certificate of this host expires within 30 days.
                </>
              ) : (
                'This host’s certificate store cannot be read, so no expiry is known.'
              )}
            </Nothing>
          ) : (
            <ul class="items">
              {items.slice(0, 8).map((certificate) => (
                <li key={certificate.thumbprint}>
                  <Expiry value={certificate.notAfter} />
                  <a href={link(['certificates', certificate.thumbprint])}>
                    <Name value={certificate.subject ?? certificate.thumbprint} />
                  </a>
                </li>
              ))}
            </ul>
          )
        }
      </Answered>
    </Panel>
  );
}
