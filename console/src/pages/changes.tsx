/** What changed lately: what ended before, then changes as they happen. */

import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

import {
  listEndedSaContexts,
  watchSaContexts,
  type EndedSaContext,
  type SaContextDeleted,
  type SummarizedSaContext,
} from '../../client';
import { body } from '../api/client';
import type { Rejection } from '../api/rejection';
import type { Change } from '../live/events';
import { endFollowing, follow } from '../live/follow';
import { link } from '../route/route';
import { Nothing, Skeleton } from '../ui/panel';
import { Rejected } from '../ui/rejected';
import { Address, Ago, State } from '../ui/words';
import { protectionLabel } from '../words/values';

interface Entry {
  readonly key: string;
  readonly time: string;
  readonly sign: keyof typeof SIGNS;
  readonly id: string;
  readonly remoteAddress: string | null;
  readonly protection?: string | null | undefined;
  readonly endReason?: string | undefined;
  /** The context that replaced one that ended. */
  readonly replacedBy?: string | undefined;
}

const MAX = 12;
const INTERVAL = 500;

const entries = signal<readonly Entry[] | undefined>(undefined);
const rejected = signal<Rejection | undefined>(undefined);

const SIGNS = { '+': 'added', '~': 'modified', '↻': 'rekeyed', '−': 'ended' } as const;

/** Show the latest changes; under many changes, twice a second. */
export function Changes() {
  useEffect(() => {
    const abort = new AbortController();
    let waiting: Entry[] = [];
    const timer = setInterval(() => {
      if (waiting.length === 0) return;
      entries.value = latest([...waiting, ...(entries.value ?? [])]);
      waiting = [];
    }, INTERVAL);
    void follow(
      {
        begin: async (_isAfterReset, signal) => {
          const page = await body(
            listEndedSaContexts({
              query: { since: '10m', limit: MAX },
              signal,
              throwOnError: true,
            }),
          );
          entries.value = latest(page.items.map(endedEntry));
          return undefined;
        },
        open: (position, options) =>
          watchSaContexts({
            ...options,
            query: { view: 'summary', ...(position === undefined ? {} : { since: position }) },
          }),
        change: (change) => {
          const entry = entryOf(change);
          if (entry !== undefined) waiting = [...waiting.slice(1 - MAX), entry];
        },
        rejected: (rejection) => {
          rejected.value = rejection;
        },
      },
      abort.signal,
    );
    return () => {
      abort.abort();
      clearInterval(timer);
      endFollowing();
    };
  }, []);

  const shown = entries.value;
  return (
    <>
      {rejected.value !== undefined && <Rejected rejection={rejected.value} isOld={shown !== undefined} />}
      {shown === undefined ? (
        rejected.value === undefined && <Skeleton lines={6} />
      ) : shown.length === 0 ? (
        <Nothing>Nothing in the last ten minutes.</Nothing>
      ) : (
        <ul class="changes">
          {shown.map((entry) => (
            <li key={entry.key}>
              <span class={`change-sign ${SIGNS[entry.sign]}`} title={SIGNS[entry.sign]}>
                <span aria-hidden="true">{entry.sign}</span>
                <span class="hidden">{SIGNS[entry.sign]}</span>
              </span>
              <Address value={entry.remoteAddress} isLink />
              <span class="change-what">
                {entry.replacedBy !== undefined ? (
                  <a href={link(['sa-contexts', entry.replacedBy])}>rekeyed</a>
                ) : entry.sign === '−' ? (
                  entry.endReason === undefined ? (
                    'no longer matches'
                  ) : (
                    <State kind="end" value={entry.endReason} />
                  )
                ) : (
                  <a href={link(['sa-contexts', entry.id])} title={entry.protection ?? undefined}>
                    {
                      entry.protection === null || entry.protection === undefined
                        ? 'no SA yet'
                        : protectionLabel(entry.protection).replace(/^ESP /, '') /* as nearly all have */
                    }
                  </a>
                )}
              </span>
              <span class="soft small">
                <Ago value={entry.time} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/**
 * Return the latest entries, each once: a stream begins with changes that the list may have, too.
 *
 * A rekey is one entry, that of the context that ended. A context of which nothing is known yet has none.
 */
function latest(all: readonly Entry[]): Entry[] {
  const replacements = new Set(all.map((entry) => entry.replacedBy));
  const shown = all.filter(
    ({ sign, id, remoteAddress, protection }) =>
      (remoteAddress !== null || (protection ?? null) !== null) && !(sign === '+' && replacements.has(id)),
  );
  const byKey = new Map(shown.map((entry) => [entry.key, entry]));
  return [...byKey.values()].sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0)).slice(0, MAX);
}

function entryOf({ kind, data, position }: Change): Entry | undefined {
  if (kind === 'added' || kind === 'modified') {
    const { time, saContext } = data as { time: string; saContext: SummarizedSaContext };
    const { saContextId, remoteAddress, protection } = saContext;
    return {
      key: `${position} ${saContextId}`,
      time,
      sign: kind === 'added' ? '+' : '~',
      id: saContextId,
      remoteAddress,
      protection,
    };
  }
  if (kind === 'deleted') {
    return endedEntry(data as SaContextDeleted);
  }
  return undefined;
}

function endedEntry({
  saContextId,
  time,
  remoteAddress,
  endReason,
  evidence,
}: EndedSaContext | SaContextDeleted): Entry {
  const replacedBy = evidence?.replacedBy;
  return {
    key: `${saContextId} ${time}`,
    time,
    sign: replacedBy === undefined ? '−' : '↻',
    id: saContextId,
    remoteAddress,
    endReason,
    replacedBy,
  };
}
