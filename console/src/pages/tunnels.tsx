/** The configured tunnels that match the URL's filters, live. */

import {
  listTunnels,
  watchTunnels,
  type Tunnel,
  type TunnelDeleted,
  type TunnelEndpoints,
  type TunnelEvent,
} from '../../client';
import { body } from '../api/client';
import type { Order, Source } from '../live/collection';
import { link, type Query } from '../route/route';
import { chosenColumns, type Column } from '../ui/columns';
import type { Filter } from '../ui/filters';
import { LiveList } from '../ui/live-list';
import { Address, Ago, Bytes, Name, None, State, Tag } from '../ui/words';
import { shortName } from '../words/failures';
import { wordFor, wordsOf } from '../words/states';
import { valueLabel } from '../words/values';
import { TUNNEL } from '../words/windows';
import { contextsColumn, total, trafficColumns } from './traffic';

/** A tunnel of the list; what its events do not tell is unknown until the list is read again. */
type ListedTunnel = Omit<Tunnel, 'saContexts' | 'completeSaContexts'> &
  Record<'saContexts' | 'completeSaContexts', number | null>;

const FILTERS: readonly Filter[] = [
  {
    name: 'state',
    label: 'State',
    values: wordsOf('tunnel'),
    valueLabel: (value) => wordFor('tunnel', value).label,
  },
  { name: 'name', label: 'Name', example: 'Branch office*' },
  { name: 'remoteAddress', label: 'Remote endpoint', example: '203.0.113.7' },
  { name: 'localAddress', label: 'Local endpoint', example: '192.0.2.1' },
  { name: 'keyModule', label: 'Keying module', values: ['ike', 'authip', 'ikev2'], valueLabel },
];

const COLUMNS: readonly Column<ListedTunnel>[] = [
  {
    id: 'name',
    label: 'Name',
    windows: TUNNEL.name,
    width: 'minmax(10rem, 1.2fr)',
    cell: (tunnel) => <Name value={tunnel.name} />,
    text: (tunnel) => tunnel.name,
  },
  {
    id: 'state',
    label: 'State',
    width: 'minmax(8rem, 0.5fr)',
    cell: ({ state, isFlapping }) => (
      <>
        <State kind="tunnel" value={state} />
        {isFlapping && (
          <>
            {' '}
            <Tag tone="warn">flapping</Tag>
          </>
        )}
      </>
    ),
    text: (tunnel) => tunnel.state,
  },
  {
    id: 'since',
    label: 'Since',
    width: '6.5rem',
    isShown: false,
    cell: (tunnel) => <Ago value={tunnel.since} />,
    text: (tunnel) => tunnel.since,
  },
  {
    id: 'remoteAddress',
    label: 'Remote endpoint',
    windows: TUNNEL.remoteAddress,
    width: 'minmax(20rem, 1.2fr)',
    cell: ({ tunnelEndpoints }) => <Remote endpoints={tunnelEndpoints} />,
    text: ({ tunnelEndpoints }) => tunnelEndpoints.remoteAddress ?? tunnelEndpoints.remoteFqdn ?? null,
  },
  {
    id: 'localAddress',
    label: 'Local endpoint',
    windows: TUNNEL.localAddress,
    width: 'minmax(11rem, 0.8fr)',
    isShown: false,
    cell: ({ tunnelEndpoints }) => <Address value={tunnelEndpoints.localAddress} />,
    text: ({ tunnelEndpoints }) => tunnelEndpoints.localAddress,
  },
  {
    id: 'keyModule',
    label: 'Keying',
    windows: TUNNEL.keyModule,
    width: '5.8rem',
    isShown: false,
    cell: (tunnel) => valueLabel(tunnel.keyModule),
    text: (tunnel) => tunnel.keyModule,
  },
  contextsColumn('7.5rem'),
  ...trafficColumns<ListedTunnel>('5.8rem', '5.8rem'),
  {
    id: 'lastFailure',
    label: 'Last failure',
    width: 'minmax(16rem, 1fr)',
    cell: ({ lastFailure }) =>
      lastFailure === null || lastFailure === undefined ? (
        <None />
      ) : (
        <a href={link(['failures', String(lastFailure.code)])} title={lastFailure.name ?? undefined}>
          {shortName(lastFailure.name ?? lastFailure.codeHex)}
        </a>
      ),
    text: ({ lastFailure }) => lastFailure?.name ?? lastFailure?.codeHex ?? null,
  },
];

const RANK: Record<string, number> = { failing: 0, down: 1, up: 2, idle: 3, template: 4 };

/** Those that need attention first; the API has no order of its own for it. */
const byState: Order<ListedTunnel> = (a, b) =>
  (RANK[a.state] ?? 5) - (RANK[b.state] ?? 5) ||
  (a.name ?? '').localeCompare(b.name ?? '') ||
  (a.providerContextKey < b.providerContextKey ? -1 : a.providerContextKey > b.providerContextKey ? 1 : 0);

const chosen = chosenColumns('tunnels', COLUMNS);

/** Show the tunnels. */
export function Tunnels({ query }: { query: Query }) {
  return (
    <LiveList
      title="Tunnels"
      noun={['tunnel', 'tunnels']}
      windows="Get-NetIPsecRule with Mode Tunnel, Get-VpnS2SInterface"
      path={['tunnels']}
      query={query}
      filters={FILTERS}
      columns={COLUMNS}
      chosen={chosen}
      source={source}
      order={byState}
      target={(tunnel) => link(['tunnels', tunnel.providerContextKey])}
      brief={brief}
      refresh={30}
      empty="No tunnel matches these filters."
    />
  );
}

/** Show the remote end of a tunnel: its address, its name, or both. */
export function Remote({ endpoints }: { endpoints: TunnelEndpoints }) {
  return (
    <>
      {endpoints.remoteAddress !== null && <Address value={endpoints.remoteAddress} />}{' '}
      {endpoints.remoteFqdn !== undefined && (
        <span class={endpoints.remoteAddress === null ? '' : 'soft'}>
          <Name value={endpoints.remoteFqdn} />
        </span>
      )}
    </>
  );
}

function brief(tunnel: ListedTunnel) {
  return (
    <>
      <span class="brief-line">
        <Name value={tunnel.name} />
        <State kind="tunnel" value={tunnel.state} />
      </span>
      <span class="brief-line soft small">
        <span>
          <Remote endpoints={tunnel.tunnelEndpoints} />
        </span>
        <Bytes value={total(tunnel)} />
      </span>
    </>
  );
}

function source(terms: Record<string, string[]>): Source<ListedTunnel> {
  return {
    key: (tunnel) => tunnel.providerContextKey,
    page: (cursor, maxAge, signal) => {
      const query = cursor === undefined ? { ...terms, limit: 500, maxAge } : { cursor, limit: 500 };
      return body(listTunnels({ query, signal, throwOnError: true }));
    },
    open: (position, options) =>
      watchTunnels({
        ...options,
        query: { ...terms, ...(position === undefined ? {} : { since: position }) },
      }),
    effect: ({ kind, data }, find) => {
      if (kind === 'added' || kind === 'modified') {
        const { tunnel, revision } = data as TunnelEvent;
        const known = find(tunnel.providerContextKey);
        return { put: { ...NO_AMOUNTS, ...known, ...tunnel }, revision };
      }
      if (kind === 'deleted') {
        const { providerContextKey, revision } = data as TunnelDeleted;
        return { remove: providerContextKey, revision };
      }
      return undefined;
    },
  };
}

/** What the events of tunnels do not tell. */
const NO_AMOUNTS = {
  saContexts: null,
  completeSaContexts: null,
  bytesInbound: null,
  bytesOutbound: null,
  bytesInboundPerSecond: null,
  bytesOutboundPerSecond: null,
};
