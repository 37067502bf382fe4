/** SA contexts that ended, and why. */

import { useMemo } from 'preact/hooks';

import { listEndedSaContexts, type EndedSaContext } from '../../client';
import { useAnswer } from '../api/answer';
import { body } from '../api/client';
import { count } from '../format/numbers';
import { duration } from '../format/times';
import { link, type Query } from '../route/route';
import { chosenColumns, type Column } from '../ui/columns';
import { Chips, terms, type Filter } from '../ui/filters';
import { Icon } from '../ui/icons';
import { Skeleton } from '../ui/panel';
import { Rejected } from '../ui/rejected';
import { Table } from '../ui/table';
import { Tools } from '../ui/tools';
import { Address, Ago, Name, None, State, Time } from '../ui/words';
import { wordFor, wordsOf } from '../words/states';
import { valueLabel } from '../words/values';

const FILTERS: readonly Filter[] = [
  {
    name: 'endReason',
    label: 'Reason',
    values: wordsOf('end'),
    valueLabel: (value) => wordFor('end', value).label,
  },
  { name: 'since', label: 'Since', values: ['10m', '1h', '6h', '1d'] },
  { name: 'remoteAddress', label: 'Remote address', example: '192.0.2.1' },
  { name: 'principalName', label: 'Name', example: 'CORP\\alice, host/mail*' },
];

const COLUMNS: readonly Column<EndedSaContext>[] = [
  {
    id: 'time',
    label: 'Ended',
    width: 'minmax(9rem, 0.6fr)',
    cell: (item) => <Time value={item.time} />,
    text: (item) => item.time,
  },
  {
    id: 'remoteAddress',
    label: 'Remote address',
    width: 'minmax(20rem, 1fr)',
    cell: (item) => <Address value={item.remoteAddress} />,
    text: (item) => item.remoteAddress,
  },
  {
    id: 'principalNames',
    label: 'Names',
    width: 'minmax(11rem, 1.2fr)',
    cell: (item) => <Name value={item.principalNames.join(', ')} />,
    text: (item) => item.principalNames.join('; '),
  },
  {
    id: 'endReason',
    label: 'Reason',
    width: '10rem',
    cell: (item) => <State kind="end" value={item.endReason} />,
    text: (item) => item.endReason,
  },
  {
    id: 'evidence',
    label: 'Evidence',
    width: 'minmax(14rem, 1.2fr)',
    cell: (item) => <Evidence item={item} />,
    text: (item) => JSON.stringify(item.evidence),
  },
  {
    id: 'duration',
    label: 'Lasted',
    width: '8rem',
    isNumber: true,
    cell: (item) => <Lasted item={item} />,
    text: (item) => item.duration ?? null,
  },
  {
    id: 'trafficType',
    label: 'Mode',
    width: '7rem',
    isShown: false,
    cell: (item) => valueLabel(item.trafficType ?? ''),
    text: (item) => item.trafficType ?? null,
  },
  {
    id: 'localAddress',
    label: 'Local address',
    width: 'minmax(20rem, 1fr)',
    isShown: false,
    cell: (item) => <Address value={item.localAddress} />,
    text: (item) => item.localAddress,
  },
  {
    id: 'saContextId',
    label: 'Id',
    width: '11rem',
    isShown: false,
    cell: (item) => <span class="number">{item.saContextId}</span>,
    text: (item) => item.saContextId,
  },
];

const chosen = chosenColumns('ended', COLUMNS);

/** Show what ended. */
export function Ended({ query }: { query: Query }) {
  const wanted = terms(query, FILTERS);
  const answer = useAnswer(
    `ended ${JSON.stringify(wanted)}`,
    (signal) => {
      const { since, ...rest } = wanted;
      return body(
        listEndedSaContexts({
          query: {
            ...(rest as object),
            ...(since?.[0] === undefined ? {} : { since: since[0] }),
            limit: 1000,
          },
          signal,
          throwOnError: true,
        }),
      );
    },
    5,
  );
  const rows = answer.data?.items ?? [];
  const shown = useMemo(() => COLUMNS.filter((column) => chosen.value.includes(column.id)), [chosen.value]);
  return (
    <>
      <div class="head">
        <h1>
          Ended SA contexts{' '}
          <span class="count">
            {answer.data === undefined
              ? ''
              : `${count(rows.length)}${answer.data.nextCursor === undefined ? '' : '+'}`}
          </span>
        </h1>
        <span class="words">Windows does not report why; the server infers it</span>
        <span class="space" />
        <a class="button" href="#/sa-contexts">
          <Icon name="back" />
          <span>SA contexts</span>
        </a>
        <Tools table="ended" columns={COLUMNS} chosen={chosen} rows={() => rows} />
      </div>
      <Chips path={['ended']} query={query} filters={FILTERS} />
      {answer.data?.missed === true && (
        <p class="soft small">
          Earlier ones may be missing: the server was not running, or has dropped them.
        </p>
      )}
      {answer.rejection !== undefined && (
        <Rejected rejection={answer.rejection} again={answer.again} isOld={answer.data !== undefined} />
      )}
      <Table
        label="Ended SA contexts"
        columns={shown}
        rows={rows}
        keyOf={keyOf}
        target={(item) => (item.remoteAddress === null ? undefined : link(['peers', item.remoteAddress]))}
        brief={(item) => (
          <>
            <span class="brief-line">
              <Address value={item.remoteAddress} />
              <State kind="end" value={item.endReason} />
            </span>
            <span class="brief-line soft small">
              <Name value={item.principalNames[0]} />
              <Ago value={item.time} />
            </span>
          </>
        )}
        empty={
          answer.data === undefined ? (
            <Skeleton lines={6} />
          ) : (
            'No SA context that matches these filters ended.'
          )
        }
      />
    </>
  );
}

/** Show a few ended contexts within a panel. */
export function EndedRows({ items, current }: { items: readonly EndedSaContext[]; current?: string }) {
  return (
    <div class="rows-box" tabIndex={0} role="region" aria-label="Table of what ended">
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">Ended</th>
            <th scope="col">SA context</th>
            <th scope="col">Reason</th>
            <th scope="col">Evidence</th>
            <th scope="col" class="end">
              Lasted
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={keyOf(item)}>
              <td>
                <Ago value={item.time} />
              </td>
              <td class="number">{item.saContextId}</td>
              <td>
                <State kind="end" value={item.endReason} />
              </td>
              <td>
                {item.evidence.replacedBy !== undefined && item.evidence.replacedBy === current ? (
                  'replaced by this one'
                ) : (
                  <Evidence item={item} />
                )}
              </td>
              <td class="end">
                <Lasted item={item} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Show from what a reason follows. */
export function Evidence({ item: { evidence } }: { item: EndedSaContext }) {
  const { replacedBy, mmSaId, idleSeconds, idleTimeoutSeconds, ageSeconds, lifetimeSeconds } = evidence;
  if (replacedBy !== undefined) {
    return (
      <span>
        by{' '}
        <a class="number" href={link(['sa-contexts', replacedBy])}>
          {replacedBy}
        </a>
      </span>
    );
  }
  if (mmSaId !== undefined) return <span class="number">main mode SA {mmSaId}</span>;
  if (idleTimeoutSeconds !== undefined)
    return (
      <span>
        idle for {duration(idleSeconds ?? 0)} of {duration(idleTimeoutSeconds)}
      </span>
    );
  if (lifetimeSeconds !== undefined)
    return (
      <span>
        {duration(ageSeconds ?? 0)} old, lifetime {duration(lifetimeSeconds)}
      </span>
    );
  return <None />;
}

function Lasted({ item }: { item: EndedSaContext }) {
  return item.duration === undefined ? (
    <None meaning="unknown" />
  ) : (
    <span class="number">{duration(item.duration)}</span>
  );
}

function keyOf(item: EndedSaContext): string {
  return `${item.saContextId} ${item.time}`;
}
