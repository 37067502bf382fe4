/** The peers that match the URL's filters, live. */

import { listPeers, watchPeers, type PeerDeleted, type PeerEvent, type PeerSummary } from '../../client';
import { body } from '../api/client';
import { orderOf } from '../format/addresses';
import { count, counted } from '../format/numbers';
import type { Order, Source } from '../live/collection';
import { link, values, withoutTerm, type Query } from '../route/route';
import { chosenColumns, type Column } from '../ui/columns';
import type { Filter } from '../ui/filters';
import { LiveList } from '../ui/live-list';
import { Address, Ago, Bytes, Name, None, State, Tag, Weaknesses } from '../ui/words';
import { protectionLabel, valueLabel } from '../words/values';
import { CONTEXT_WEAKNESSES } from '../words/weaknesses';
import { wordFor, wordsOf } from '../words/states';
import { QUICK_MODE } from '../words/windows';
import { weaknessLabel } from './context-filters';
import { contextsColumn, total, trafficColumns } from './traffic';

const FILTERS: readonly Filter[] = [
  {
    name: 'state',
    label: 'State',
    values: wordsOf('peer'),
    valueLabel: (value) => wordFor('peer', value).label,
  },
  {
    name: 'weakness',
    label: 'Weakness',
    values: ['any', ...CONTEXT_WEAKNESSES],
    valueLabel: weaknessLabel,
  },
  { name: 'subnet', label: 'Subnet', example: '10.0.0.0/8' },
  { name: 'principalName', label: 'Name', example: 'CORP\\alice, host/mail*' },
];

const COLUMNS: readonly Column<PeerSummary>[] = [
  {
    id: 'address',
    label: 'Address',
    windows: QUICK_MODE.remoteAddress,
    width: 'minmax(20rem, 1fr)',
    cell: (peer) => <Address value={peer.address} />,
    text: (peer) => peer.address,
  },
  {
    id: 'state',
    label: 'State',
    width: '8rem',
    cell: (peer) => <State kind="peer" value={peer.state} />,
    text: (peer) => peer.state,
  },
  {
    id: 'principalNames',
    label: 'Names',
    windows: QUICK_MODE.principalName,
    width: 'minmax(9.5rem, 1.2fr)',
    cell: ({ principalNames, principalNameCount }) => (
      <>
        <Name value={principalNames[0]} />
        {principalNameCount > 1 && (
          <span class="soft" title={principalNames.slice(1).join('\n')}>
            {' '}
            +{count(principalNameCount - 1)}
          </span>
        )}
      </>
    ),
    text: (peer) => peer.principalNames.join('; '),
  },
  contextsColumn('7.5rem'),
  {
    id: 'ikeSas',
    label: 'Main mode SAs',
    width: '7.5rem',
    isNumber: true,
    isShown: false,
    cell: (peer) => count(peer.ikeSas),
    text: (peer) => peer.ikeSas,
  },
  ...trafficColumns<PeerSummary>('5.5rem', '6rem'),
  {
    id: 'weaknesses',
    label: 'Weaknesses',
    width: 'minmax(13.5rem, 1fr)',
    cell: (peer) => <Weaknesses values={peer.weaknesses} limit={2} />,
    text: (peer) => peer.weaknesses.join(' '),
  },
  {
    id: 'failures',
    label: 'Failures',
    width: '5.5rem',
    isNumber: true,
    cell: (peer) =>
      peer.recentFailures === undefined ? (
        <None meaning="unknown" />
      ) : failures(peer) === 0 ? (
        <None meaning="none in the last hour" />
      ) : (
        <strong>{count(failures(peer))}</strong>
      ),
    text: (peer) => failures(peer),
  },
  {
    id: 'protections',
    label: 'Protections',
    width: 'minmax(14rem, 1fr)',
    isShown: false,
    cell: (peer) => peer.protections.map(({ protection }) => protectionLabel(protection)).join('; '),
    text: (peer) => peer.protections.map(({ protection }) => protection).join('; '),
  },
  {
    id: 'keyModules',
    label: 'Keying modules',
    windows: 'KeyModule',
    width: '9rem',
    isShown: false,
    cell: (peer) => peer.keyModules.map(valueLabel).join(', '),
    text: (peer) => peer.keyModules.join(' '),
  },
  {
    id: 'natClients',
    label: 'NAT clients',
    width: '6.5rem',
    isNumber: true,
    isShown: false,
    cell: (peer) => count(peer.natClients),
    text: (peer) => peer.natClients,
  },
  {
    id: 'lastChange',
    label: 'Last change',
    width: '8rem',
    isShown: false,
    cell: (peer) => <Ago value={peer.lastChange} />,
    text: (peer) => peer.lastChange,
  },
];

/** The orders that the API has, by the column that shows what they sort by. */
const SORTS: Record<string, string> = {
  saContexts: '-saContexts',
  bytes: '-bytes',
  failures: '-failures',
  lastChange: '-lastChange',
};

const keys = new Map<string, string>();
const byAddress: Order<PeerSummary> = (a, b) => {
  const [x, y] = [keyOf(a.address), keyOf(b.address)];
  return x < y ? -1 : x > y ? 1 : 0;
};

const ORDERS: Record<string, Order<PeerSummary>> = {
  '-saContexts': (a, b) => b.saContexts - a.saContexts || byAddress(a, b),
  '-bytes': (a, b) => (total(b) === total(a) ? byAddress(a, b) : (total(b) ?? -1) - (total(a) ?? -1)),
  '-failures': (a, b) => failures(b) - failures(a) || byAddress(a, b),
  '-lastChange': (a, b) =>
    a.lastChange === b.lastChange ? byAddress(a, b) : (b.lastChange ?? '') < (a.lastChange ?? '') ? -1 : 1,
};

const chosen = chosenColumns('peers', COLUMNS);

/** Show the peers. */
export function Peers({ query }: { query: Query }) {
  const sort = values(query, 'sort')[0] ?? '';
  const rest = withoutTerm(query, 'sort');
  const links = Object.fromEntries(
    Object.entries(SORTS).map(([column, value]) => [
      column,
      link(['peers'], value === sort ? rest : [...rest, ['sort', value]]),
    ]),
  );
  return (
    <LiveList
      title="Peers"
      noun={['peer', 'peers']}
      windows="remote endpoints of main mode and quick mode SAs"
      path={['peers']}
      query={query}
      filters={FILTERS}
      columns={COLUMNS}
      chosen={chosen}
      source={source}
      order={ORDERS[sort] ?? byAddress}
      sorted={Object.entries(SORTS).find(([, value]) => value === sort)?.[0]}
      sortLinks={{ ...links, ...(sort === '' ? {} : { address: link(['peers'], rest) }) }}
      target={(peer) => link(['peers', peer.address])}
      brief={brief}
      refresh={30}
      empty="No peer matches these filters."
    />
  );
}

function brief(peer: PeerSummary) {
  const failed = failures(peer);
  return (
    <>
      <span class="brief-line">
        <Address value={peer.address} />
        <span class="tags">
          {failed > 0 && <Tag tone="bad">{counted(failed, 'failure')}</Tag>}
          <State kind="peer" value={peer.state} />
        </span>
      </span>
      <span class="brief-line soft small">
        <Name value={peer.principalNames[0]} />
        <span>
          {counted(peer.saContexts, 'SA context')}, <Bytes value={total(peer)} />
        </span>
      </span>
    </>
  );
}

function failures({ recentFailures }: PeerSummary): number {
  return (recentFailures ?? []).reduce((sum, failure) => sum + failure.count, 0);
}

function keyOf(address: string): string {
  let key = keys.get(address);
  if (key === undefined) {
    if (keys.size > 50_000) keys.clear();
    key = orderOf(address) ?? `9${address}`;
    keys.set(address, key);
  }
  return key;
}

function source(terms: Record<string, string[]>): Source<PeerSummary> {
  return {
    key: (peer) => peer.address,
    page: (cursor, maxAge, signal) => {
      const query = cursor === undefined ? { ...terms, limit: 500, maxAge } : { cursor, limit: 500 };
      return body(listPeers({ query, signal, throwOnError: true }));
    },
    open: (position, options) =>
      watchPeers({
        ...options,
        query: { ...terms, ...(position === undefined ? {} : { since: position }) },
      }),
    effect: ({ kind, data }, find) => {
      if (kind === 'added' || kind === 'modified') {
        const { peer, revision } = data as PeerEvent;
        // Events have no amounts: they stay as they were until the list is read again.
        const {
          bytesInbound = null,
          bytesOutbound = null,
          bytesInboundPerSecond = null,
          bytesOutboundPerSecond = null,
          recentFailures,
        } = find(peer.address) ?? {};
        return {
          put: {
            ...peer,
            bytesInbound,
            bytesOutbound,
            bytesInboundPerSecond,
            bytesOutboundPerSecond,
            ...(recentFailures === undefined ? {} : { recentFailures }),
          },
          revision,
        };
      }
      if (kind === 'deleted') {
        const { address, revision } = data as PeerDeleted;
        return { remove: address, revision };
      }
      return undefined;
    },
  };
}
