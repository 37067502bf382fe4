/** One configured tunnel. */

import { getTunnel, listSaContexts, type SummarizedSaContext, type Tunnel } from '../../client';
import { useAnswer } from '../api/answer';
import { body } from '../api/client';
import { count } from '../format/numbers';
import { duration } from '../format/times';
import { link } from '../route/route';
import { Answered, Nothing, Panel } from '../ui/panel';
import { Pair, Pairs } from '../ui/pairs';
import { Address, Ago, Bytes, Name, Rate, State, Tag, Weaknesses } from '../ui/words';
import { wordFor } from '../words/states';
import { protectionLabel, valueLabel } from '../words/values';
import { TUNNEL } from '../words/windows';
import { complete } from './traffic';
import { Remote } from './tunnels';

const MAX = 20;

/** Show a tunnel. */
export function TunnelPage({ id }: { id: string }) {
  const answer = useAnswer(
    `tunnel ${id}`,
    (signal) => body(getTunnel({ path: { providerContextKey: id }, signal, throwOnError: true })),
    5,
  );
  return (
    <>
      <div class="head">
        <h1>
          <Name value={answer.data?.name ?? 'Tunnel'} />
          {answer.data !== undefined && (
            <span class="count">
              <State kind="tunnel" value={answer.data.state} />
            </span>
          )}
        </h1>
        {answer.data?.isExpected === true && (
          <Tag title="The settings expect SAs with its remote endpoint.">expected</Tag>
        )}
        {answer.data?.isFlapping === true && <Tag tone="warn">flapping</Tag>}
      </div>
      <Answered answer={answer} lines={8}>
        {(tunnel) => <Details tunnel={tunnel} />}
      </Answered>
    </>
  );
}

function Details({ tunnel }: { tunnel: Tunnel }) {
  const { tunnelEndpoints, lastFailure } = tunnel;
  const hasFailed = lastFailure !== undefined && lastFailure !== null;
  const remote = tunnelEndpoints.remoteAddress;
  return (
    <div class="grid two">
      <Panel title="Tunnel">
        <Pairs>
          <Pair label="State">{wordFor('tunnel', tunnel.state).meaning}</Pair>
          <Pair label="Since">
            {tunnel.since === null ? (
              <span class="soft">before the server began to watch</span>
            ) : (
              <Ago value={tunnel.since} />
            )}
          </Pair>
          <Pair label="Description">
            <Name value={tunnel.description} />
          </Pair>
          <Pair label="Local endpoint" windows={TUNNEL.localAddress}>
            <Address value={tunnelEndpoints.localAddress} />
          </Pair>
          <Pair label="Remote endpoint" windows={TUNNEL.remoteAddress}>
            <Remote endpoints={tunnelEndpoints} />
          </Pair>
          <Pair label="Keying module" windows={TUNNEL.keyModule}>
            {valueLabel(tunnel.keyModule)}
          </Pair>
          <Pair label="Idle timeout">{duration(tunnel.idleTimeoutSeconds)}</Pair>
          <Pair label="Provider context">
            <code>{tunnel.providerContextKey}</code>
          </Pair>
        </Pairs>
      </Panel>
      <Panel title="Traffic" to={remote === null ? undefined : link(['peers', remote])} more="The peer">
        <Pairs>
          <Pair label="SA contexts">
            {remote === null ? (
              count(tunnel.saContexts)
            ) : (
              <a href={link(['sa-contexts'], { remoteAddress: remote, trafficType: 'tunnel' })}>
                {count(tunnel.saContexts)}
              </a>
            )}
            {complete(tunnel)}
          </Pair>
          <Pair label="Received">
            <Bytes value={tunnel.bytesInbound} />{' '}
            <span class="soft">
              <Rate value={tunnel.bytesInboundPerSecond} />
            </span>
          </Pair>
          <Pair label="Sent">
            <Bytes value={tunnel.bytesOutbound} />{' '}
            <span class="soft">
              <Rate value={tunnel.bytesOutboundPerSecond} />
            </span>
          </Pair>
        </Pairs>
      </Panel>
      {remote !== null && <Contexts remote={remote} />}
      <Panel
        title="Last failure"
        to={remote === null || !hasFailed ? undefined : link(['failures'], { remoteSubnet: remote })}
      >
        {lastFailure === undefined ? (
          <Nothing>
            Hidden: the key or account needs the scope <code>diagnostics:read</code>.
          </Nothing>
        ) : lastFailure === null ? (
          <Nothing>No negotiation failed in the last hour.</Nothing>
        ) : (
          <p>
            <a href={link(['failures', String(lastFailure.code)])}>
              {lastFailure.name ?? lastFailure.codeHex}
            </a>{' '}
            <span class="soft">
              <Ago value={lastFailure.time} />
            </span>
          </p>
        )}
      </Panel>
    </div>
  );
}

function Contexts({ remote }: { remote: string }) {
  const filters = { remoteAddress: remote, trafficType: 'tunnel' };
  const answer = useAnswer(
    `contexts of ${remote}`,
    async (signal) => {
      const query = { remoteAddress: [remote], trafficType: ['tunnel' as const], limit: MAX };
      const page = await body(
        listSaContexts({ query: { ...query, view: 'summary' }, signal, throwOnError: true }),
      );
      // The document describes the page by its fullest view; `view=summary` has items of its own.
      return page.items as unknown as SummarizedSaContext[];
    },
    10,
  );
  return (
    <Panel title="SA contexts" to={link(['sa-contexts'], filters)}>
      <Answered answer={answer}>
        {(items) =>
          items.length === 0 ? (
            <Nothing>No SA contexts.</Nothing>
          ) : (
            <ul class="items">
              {items.map((item) => (
                <li key={item.saContextId}>
                  <a class="number" href={link(['sa-contexts', item.saContextId])}>
                    {item.saContextId}
                  </a>
                  <State kind="context" value={item.state} />
                  <span>{item.protection === null ? '' : protectionLabel(item.protection)}</span>
                  {item.weaknesses.length > 0 && <Weaknesses values={item.weaknesses} limit={3} />}
                </li>
              ))}
            </ul>
          )
        }
      </Answered>
    </Panel>
  );
}
