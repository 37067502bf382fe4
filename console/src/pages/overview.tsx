/** The overview: how this host's IPsec is, at a glance; every number leads to the list behind it. */

import {
  getHistory,
  listCertificates,
  listFailures,
  listPeers,
  listTunnels,
  summarizeSaContexts,
} from '../../client';
import { useAnswer } from '../api/answer';
import { body } from '../api/client';
import { asRejection } from '../api/rejection';
import { count, share } from '../format/numbers';
import { Answered, Nothing, Panel } from '../ui/panel';
import { ExpiringCertificates, FailingPeers, FailingTunnels, LatestFailures } from './attention';
import { Changes } from './changes';
import { Hours, titleOfHours } from './hours';
import { Protections, WeaknessBars } from './protections';
import { Tile } from './tile';
import { total } from './traffic';
import { TrafficBars } from './traffic-bars';

/**
 * How old a snapshot may be, in seconds. The server keeps its snapshots up to date by itself; with the
 * default of a second, each panel would wait until the engine has been read anew.
 */
const MAX_AGE = 60;

/** Show the overview. Everything is asked at once; each panel shows its answer when it comes. */
export function Overview() {
  const summary = useAnswer(
    'summary',
    (signal) =>
      body(summarizeSaContexts({ query: { peers: 1, maxAge: MAX_AGE }, signal, throwOnError: true })),
    5,
  );
  const history = useAnswer(
    'history',
    (signal) => body(getHistory({ query: { since: '12h' }, signal, throwOnError: true })),
    30,
  );
  const failures = useAnswer(
    'failures',
    (signal) => body(listFailures({ query: { occurred: true }, signal, throwOnError: true })),
    10,
  );
  const down = useAnswer(
    'peers down',
    (signal) =>
      withFailing((failing) =>
        body(
          listPeers({
            query: { state: [...failing, 'down'], limit: 100, maxAge: MAX_AGE },
            signal,
            throwOnError: true,
          }),
        ),
      ),
    10,
  );
  const tunnels = useAnswer(
    'tunnels down',
    (signal) =>
      withFailing((failing) =>
        body(
          listTunnels({
            query: { state: [...failing, 'down'], limit: 100, maxAge: MAX_AGE },
            signal,
            throwOnError: true,
          }),
        ),
      ),
    10,
  );
  const certificates = useAnswer(
    'certificates',
    (signal) =>
      body(
        listCertificates({
          query: { expiresWithin: '30d', limit: 100, maxAge: MAX_AGE },
          signal,
          throwOnError: true,
        }),
      ),
    60,
  );
  const traffic = useAnswer(
    'traffic',
    (signal) =>
      body(
        listPeers({
          query: { sort: ['-bytes'], limit: 8, maxAge: MAX_AGE },
          signal,
          throwOnError: true,
        }),
      ),
    15,
  );
  return (
    <>
      <h1 class="hidden">Overview</h1>
      <ul class="tiles">
        <Tile
          label="SA contexts"
          words="quick mode SAs"
          to="#/sa-contexts"
          answer={summary}
          value={({ contexts }) => contexts}
        />
        <Tile label="Peers" to="#/peers" answer={summary} value={({ peerCount }) => peerCount} />
        <Tile
          label="Weak SA contexts"
          to="#/sa-contexts?weakness=any"
          answer={summary}
          value={({ withWeakness }) => withWeakness}
          note={({ withWeakness, contexts }) => share(withWeakness, contexts)}
          tone={({ withWeakness }) => (withWeakness > 0 ? 'warn' : 'good')}
        />
        <Tile
          label="Peers failing or down"
          to="#/peers?state=failing&state=down"
          answer={down}
          value={({ items }) => items.length}
          isMore={({ nextCursor }) => nextCursor !== undefined}
          tone={({ items }) => (items.length > 0 ? 'bad' : 'good')}
        />
        <Tile
          label="Failures"
          to="#/failures"
          answer={failures}
          value={({ items }) => items.reduce((sum, each) => sum + (each.occurrences?.total ?? 0), 0)}
          note={({ items }) =>
            items.length === 0 ? '' : `${count(items.length)} ${items.length === 1 ? 'code' : 'codes'}`
          }
          tone={({ items }) => (items.length > 0 ? 'warn' : 'good')}
        />
        <Tile
          label="Tunnels failing or down"
          to="#/tunnels?state=failing&state=down"
          answer={tunnels}
          value={({ items }) => items.length}
          isMore={({ nextCursor }) => nextCursor !== undefined}
          tone={({ items }) => (items.length > 0 ? 'bad' : 'good')}
        />
        <Tile
          label="Certificates expiring"
          words="within 30 days"
          to="#/certificates?expiresWithin=30d"
          answer={certificates}
          value={({ items }) => items.length}
          isMore={({ nextCursor }) => nextCursor !== undefined}
          tone={({ items }) => (items.length > 0 ? 'warn' : 'good')}
        />
      </ul>
      <div class="grid three">
        <div class="stack">
          <FailingPeers answer={down} />
          <FailingTunnels answer={tunnels} />
        </div>
        <LatestFailures answer={failures} />
        <Panel title={titleOfHours(history.data)} wide to="#/sa-contexts" more="SA contexts">
          <Answered answer={history} lines={6}>
            {(data) => <Hours history={data} />}
          </Answered>
        </Panel>
        <Panel title="What changed" to="#/ended" more="What ended, and why">
          <Changes />
        </Panel>
        <Panel title="Protections" wide to="#/sa-contexts" more="SA contexts">
          <Answered answer={summary} lines={6}>
            {(data) => <Protections summary={data} />}
          </Answered>
        </Panel>
        <Panel title="Weaknesses" to="#/sa-contexts?weakness=any" more="All weak ones">
          <Answered answer={summary} lines={6}>
            {(data) => <WeaknessBars summary={data} />}
          </Answered>
        </Panel>
        <Panel title="Traffic by peer" wide to="#/peers?sort=-bytes" more="All peers">
          <Answered answer={traffic} lines={6}>
            {(page) =>
              page.monitoring === 'off' ? (
                <Nothing>
                  The engine does not track connections, so there are no byte counts.{' '}
                  <a href="#/engine">How to enable it</a>
                </Nothing>
              ) : (
                <TrafficBars items={page.items.map((peer) => [peer.address, total(peer) ?? 0])} />
              )
            }
          </Answered>
        </Panel>
        <ExpiringCertificates answer={certificates} />
      </div>
    </>
  );
}

/** Ask for what fails, too, unless this caller may not know of failures. */
async function withFailing<Data>(ask: (failing: readonly 'failing'[]) => Promise<Data>): Promise<Data> {
  try {
    return await ask(['failing']);
  } catch (error) {
    if (asRejection(error).scope === undefined) throw error;
    return ask([]);
  }
}
