/** Failed negotiations and dropped packets, by peer and code, each with what to check. */

import { useMemo, useState } from 'preact/hooks';

import { listNetEvents, type NetEvent } from '../../client';
import { useAnswer } from '../api/answer';
import { body } from '../api/client';
import { count, counted } from '../format/numbers';
import { link, type Query } from '../route/route';
import { ExportMenu } from '../ui/export-menu';
import { Chips, terms, type Filter } from '../ui/filters';
import { Icon } from '../ui/icons';
import { Nothing, Skeleton } from '../ui/panel';
import { Rejected } from '../ui/rejected';
import { Address, Ago, Name, Sign, State, Tag } from '../ui/words';
import { valueLabel } from '../words/values';
import { wordFor, wordsOf } from '../words/states';
import { detailsOf, groupsOf, type FailureGroup } from './failure-groups';
import type { Column } from '../ui/columns';

const FILTERS: readonly Filter[] = [
  { name: 'remoteSubnet', label: 'Peer', example: '192.0.2.1, 10.0.0.0/8' },
  { name: 'error', label: 'Error', example: '13801, 0x362c, ERROR_IPSEC_…' },
  {
    name: 'type',
    label: 'Type',
    values: wordsOf('event'),
    valueLabel: (value) => wordFor('event', value).label,
  },
  { name: 'keyModule', label: 'Keying module', values: ['ike', 'authip', 'ikev2'], valueLabel },
  { name: 'saRole', label: 'Role of this host', values: ['initiator', 'responder'] },
];

const EXPORTED: readonly Column<NetEvent>[] = [
  ['id', (event: NetEvent) => event.id],
  ['time', (event: NetEvent) => event.time],
  ['type', (event: NetEvent) => event.type],
  ['remoteAddress', (event: NetEvent) => event.remoteAddress],
  ['localAddress', (event: NetEvent) => event.localAddress],
  ['code', (event: NetEvent) => event.error?.code ?? null],
  ['name', (event: NetEvent) => event.error?.name ?? null],
  ['failurePoint', (event: NetEvent) => detailsOf(event).failurePoint ?? null],
  ['ruleName', (event: NetEvent) => detailsOf(event).ruleName],
  ['explanation', (event: NetEvent) => event.error?.explanation ?? null],
].map(([id, text]) => ({
  id: id as string,
  label: id as string,
  width: '',
  cell: () => null,
  text: text as Column<NetEvent>['text'],
}));

const STEP = 50;

/** Show the failures. */
export function Failures({ query }: { query: Query }) {
  const wanted = terms(query, FILTERS);
  const answer = useAnswer(
    `net-events ${JSON.stringify(wanted)}`,
    (signal) =>
      body(listNetEvents({ query: { ...(wanted as object), limit: 1000 }, signal, throwOnError: true })),
    5,
  );
  const [limit, setLimit] = useState(STEP);
  const page = answer.data;
  const groups = useMemo(() => groupsOf(page?.items ?? []), [page]);
  return (
    <>
      <div class="head">
        <h1>
          Failures{' '}
          <span class="count" role="status">
            {page === undefined
              ? ''
              : `${counted(groups.length, 'group')} of ${count(page.items.length)}${page.nextCursor === undefined ? '' : '+'} ${page.items.length === 1 ? 'event' : 'events'}`}
          </span>
        </h1>
        <span class="words">netsh wfp show netevents</span>
        <span class="space" />
        <ExportMenu
          table="failures"
          columns={EXPORTED}
          rows={() => page?.items ?? []}
          csvLabel="CSV, one event a line"
        />
      </div>
      <Chips path={['failures']} query={query} filters={FILTERS} />
      {answer.rejection !== undefined && (
        <Rejected rejection={answer.rejection} again={answer.again} isOld={page !== undefined} />
      )}
      {page?.collection === 'disabled' && (
        <div class="notice warn">
          <Sign tone="warn" />
          <div>
            <strong>The engine does not collect net events</strong>
            {page.howToEnable !== undefined && (
              <p>
                As an administrator: <code>{page.howToEnable}</code>
              </p>
            )}
          </div>
        </div>
      )}
      {page === undefined ? (
        answer.rejection === undefined && <Skeleton lines={8} />
      ) : groups.length === 0 ? (
        <Nothing>No failure that matches these filters is known.</Nothing>
      ) : (
        <ul class="groups">
          {groups.slice(0, limit).map((group) => (
            <Group key={group.key} group={group} />
          ))}
        </ul>
      )}
      {groups.length > limit && (
        <button
          type="button"
          class="button more-rows"
          onClick={() => {
            setLimit(limit + STEP);
          }}
        >
          Show more ({count(groups.length - limit)})
        </button>
      )}
      {page?.missed === true && (
        <p class="soft small">
          Earlier events may be missing: the server was not running, or has dropped them.
        </p>
      )}
    </>
  );
}

/** Show a group of failures; what to check unfolds. On the page of its code, `hasCode` is false. */
export function Group({ group, hasCode = true }: { group: FailureGroup; hasCode?: boolean }) {
  const { error, remoteAddress } = group;
  const check = error?.check ?? null;
  const code = error === null ? undefined : (error.name ?? error.codeHex);
  return (
    <li class="group">
      <div class="group-head">
        <Address value={remoteAddress} isLink />
        {hasCode && (
          <span class="group-code">
            {error === null ? 'unknown error' : <a href={link(['failures', String(error.code)])}>{code}</a>}
          </span>
        )}
        <span class="number group-count" title="How often it occurred">
          × {count(group.count)}
        </span>
        <span class="soft group-time">
          <Ago value={group.newest} />
        </span>
      </div>
      {hasCode && <p>{error?.explanation ?? 'The server has no explanation for this error.'}</p>}
      <div class="group-facts">
        <State kind="event" value={group.type} />
        {group.side !== undefined && (
          <Tag title="The side that gave up">{SIDES[group.side] ?? group.side}</Tag>
        )}
        {group.names.map((name) => (
          <Name key={name} value={name} />
        ))}
        {group.rules.map((rule) => (
          <a key={rule} href={link(['sa-contexts'], { ruleName: rule })}>
            <span class="soft">rule</span> <Name value={rule} />
          </a>
        ))}
      </div>
      {hasCode && check !== null && (
        <details>
          <summary>What to check</summary>
          <p class="check-text">
            <Marked text={check} />
          </p>
        </details>
      )}
    </li>
  );
}

const SIDES: Record<string, string> = {
  me: 'this host gave up',
  peer: 'the peer gave up',
  unknown: 'side unknown',
};

/** Show a text in which commands stand between backticks. */
export function Marked({ text }: { text: string }) {
  return (
    <>{text.split('`').map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part))}</>
  );
}

/** The link to all failures; here so that others need not know its icon. */
export function FailuresLink() {
  return (
    <a class="button" href="#/failures">
      <Icon name="back" />
      <span>Failures</span>
    </a>
  );
}
