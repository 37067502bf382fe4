/** The SA contexts that match the URL's filters, live. */

import {
  listSaContexts,
  watchSaContexts,
  type SaContextDeleted,
  type SummarizedSaContext,
} from '../../client';
import { body } from '../api/client';
import type { Page, Source } from '../live/collection';
import { link, type Query } from '../route/route';
import { chosenColumns, type Column } from '../ui/columns';
import { LiveList } from '../ui/live-list';
import { Address, Name, None, State, Weaknesses } from '../ui/words';
import { ipProtocol, protectionLabel, valueLabel } from '../words/values';
import { QUICK_MODE } from '../words/windows';
import { CONTEXT_FILTERS } from './context-filters';

const COLUMNS: readonly Column<SummarizedSaContext>[] = [
  {
    id: 'remoteAddress',
    label: 'Remote address',
    windows: QUICK_MODE.remoteAddress,
    width: 'minmax(20rem, 1.1fr)',
    cell: ({ remoteAddress, remoteUdpEncapPort }) => (
      <>
        <Address value={remoteAddress} />
        {remoteUdpEncapPort !== null && <span class="soft"> UDP {remoteUdpEncapPort}</span>}
      </>
    ),
    text: (item) => item.remoteAddress,
  },
  {
    id: 'principalName',
    label: 'Name',
    windows: QUICK_MODE.principalName,
    width: 'minmax(9rem, 1fr)',
    cell: (item) => <Name value={item.principalName} />,
    text: (item) => item.principalName,
  },
  {
    id: 'protection',
    label: 'Protection',
    windows: 'FirstTransformType …',
    width: 'minmax(12.5rem, 1.1fr)',
    cell: ({ protection }) =>
      protection === null ? <None /> : <span title={protection}>{protectionLabel(protection)}</span>,
    text: (item) => item.protection,
  },
  {
    id: 'pfsGroup',
    label: 'PFS group',
    windows: QUICK_MODE.pfsGroup,
    width: 'minmax(7rem, 0.4fr)',
    cell: ({ pfsGroup }) => (pfsGroup === null ? <None /> : valueLabel(pfsGroup)),
    text: (item) => item.pfsGroup,
    isShown: false,
  },
  {
    id: 'weaknesses',
    label: 'Weaknesses',
    width: 'minmax(13.5rem, 0.9fr)',
    cell: (item) => <Weaknesses values={item.weaknesses} limit={2} />,
    text: (item) => item.weaknesses.join(' '),
  },
  {
    id: 'state',
    label: 'State',
    width: '7.5rem',
    cell: (item) => <State kind="context" value={item.state} />,
    text: (item) => item.state,
  },
  {
    id: 'trafficType',
    label: 'Mode',
    windows: QUICK_MODE.trafficType,
    width: '8.5rem',
    cell: ({ trafficType }) => (trafficType === null ? <None /> : valueLabel(trafficType)),
    text: (item) => item.trafficType,
    isShown: false,
  },
  {
    id: 'ruleName',
    label: 'Rule',
    windows: QUICK_MODE.ruleName,
    width: 'minmax(10.5rem, 1.1fr)',
    cell: (item) => <Name value={item.ruleName} />,
    text: (item) => item.ruleName,
  },
  {
    id: 'localAddress',
    label: 'Local address',
    windows: QUICK_MODE.localAddress,
    width: 'minmax(20rem, 1fr)',
    cell: (item) => <Address value={item.localAddress} />,
    text: (item) => item.localAddress,
    isShown: false,
  },
  {
    id: 'traffic',
    label: 'Traffic',
    windows: `${QUICK_MODE.ipProtocol}, ${QUICK_MODE.remotePort}`,
    width: '10rem',
    cell: (item) => traffic(item),
    text: (item) => traffic(item),
    isShown: false,
  },
  {
    id: 'saContextId',
    label: 'Id',
    width: 'minmax(10.5rem, 0.6fr)',
    cell: (item) => <span class="number">{item.saContextId}</span>,
    text: (item) => item.saContextId,
    isShown: false,
  },
];

const chosen = chosenColumns('sa-contexts', COLUMNS);

/** Show the SA contexts. */
export function Contexts({ query }: { query: Query }) {
  return (
    <LiveList
      title="SA contexts"
      noun={['SA context', 'SA contexts']}
      windows="quick mode SAs: Get-NetIPsecQuickModeSA"
      path={['sa-contexts']}
      query={query}
      filters={CONTEXT_FILTERS}
      columns={COLUMNS}
      chosen={chosen}
      source={source}
      order={byId}
      target={(item) => link(['sa-contexts', item.saContextId])}
      brief={brief}
      tools={
        <a class="button" href="#/ended">
          Ended
        </a>
      }
      empty="No SA context matches these filters."
    />
  );
}

function brief({ remoteAddress, state, protection, principalName, weaknesses }: SummarizedSaContext) {
  return (
    <>
      <span class="brief-line">
        <Address value={remoteAddress} />
        <State kind="context" value={state} />
      </span>
      <span class="brief-line soft small">
        <span>{protection === null ? '' : protectionLabel(protection)}</span>
        {weaknesses.length > 0 ? (
          <Weaknesses values={weaknesses} limit={1} />
        ) : (
          <Name value={principalName} />
        )}
      </span>
    </>
  );
}

/** Return the traffic that a context protects: `TCP, remote port 443`. */
export function traffic({
  ipProtocol: protocol,
  localPort,
  remotePort,
}: Pick<SummarizedSaContext, 'ipProtocol' | 'localPort' | 'remotePort'>): string {
  if (protocol === null) return '';
  const ports = [localPort, remotePort].map((port) => (port === null || port === 0 ? 'any' : String(port)));
  const name = ipProtocol(protocol);
  return ports.every((port) => port === 'any') ? name : `${name} ${ports.join(' → ')}`;
}

/** The order of ids, which are decimal numbers of up to 64 bits. */
export function byId(a: { saContextId: string }, b: { saContextId: string }): number {
  const [x, y] = [a.saContextId, b.saContextId];
  return x.length === y.length ? (x < y ? -1 : x > y ? 1 : 0) : x.length - y.length;
}

function source(terms: Record<string, string[]>): Source<SummarizedSaContext> {
  return {
    key: (item) => item.saContextId,
    page: async (cursor, maxAge, signal) => {
      const query =
        cursor === undefined
          ? { ...terms, view: 'summary' as const, limit: 500, maxAge }
          : { cursor, limit: 500 };
      // The document describes the page by its fullest view; `view=summary` has items of its own.
      return (await body(
        listSaContexts({ query, signal, throwOnError: true }),
      )) as unknown as Page<SummarizedSaContext>;
    },
    open: (position, options) =>
      watchSaContexts({
        ...options,
        query: { ...terms, view: 'summary', ...(position === undefined ? {} : { since: position }) },
      }),
    effect: ({ kind, data }) => {
      if (kind === 'added' || kind === 'modified') {
        const { saContext, revision } = data as { saContext: SummarizedSaContext; revision: number };
        return { put: saContext, revision };
      }
      if (kind === 'deleted') {
        const { saContextId, revision } = data as SaContextDeleted;
        return { remove: saContextId, revision };
      }
      return undefined;
    },
  };
}
