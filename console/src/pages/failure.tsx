/** What a failure's code means, on each side, and what to check. */

import { useState } from 'preact/hooks';

import {
  getFailure,
  listNetEvents,
  type FailureAdvice,
  type FailureExplanation,
  type FailureOccurrences,
} from '../../client';
import { useAnswer } from '../api/answer';
import { body } from '../api/client';
import { count, counted } from '../format/numbers';
import { link } from '../route/route';
import { Answered, Nothing, Panel } from '../ui/panel';
import { Ago } from '../ui/words';
import { groupsOf } from './failure-groups';
import { FailuresLink, Group, Marked } from './failures';

const SIDES = [
  ['me', 'This host failed'],
  ['peer', 'The peer failed'],
  ['unknown', 'The side is unknown'],
] as const;

/** How many groups of occurrences are shown. */
const MAX = 20;

/** Show a failure's explanation. */
export function FailurePage({ code }: { code: string }) {
  const answer = useAnswer(
    `failure ${code}`,
    (signal) => body(getFailure({ path: { code }, signal, throwOnError: true })),
    30,
  );
  const failure = answer.data;
  return (
    <>
      <div class="head">
        <h1>{failure?.name ?? code}</h1>
        {failure !== undefined && (
          <span class="soft number">
            {failure.id} <code>{failure.codeHex}</code>
          </span>
        )}
        <span class="space" />
        <FailuresLink />
      </div>
      <Answered answer={answer} lines={8}>
        {(data) => <Explanation failure={data} />}
      </Answered>
      {answer.rejection?.status === 404 && (
        <Nothing>
          A code can be decimal, hexadecimal, a name such as <code>ERROR_IPSEC_IKE_TIMED_OUT</code>,{' '}
          <code>event-4653</code> or <code>ras-809</code>.
        </Nothing>
      )}
    </>
  );
}

function Explanation({ failure }: { failure: FailureExplanation }) {
  const occurrences = failure.occurrences ?? null;
  const [side, setSide] = useState<'me' | 'peer' | 'unknown'>(
    occurrences !== null && occurrences.peer > occurrences.me
      ? 'peer'
      : occurrences !== null && occurrences.me > 0
        ? 'me'
        : 'unknown',
  );
  return (
    <div class="grid two">
      <Panel title="Meaning and checks" wide>
        <div class="tabs" role="group" aria-label="Which side failed">
          {SIDES.map(([id, label]) => (
            <button
              key={id}
              type="button"
              class="tab"
              aria-pressed={side === id}
              onClick={() => {
                setSide(id);
              }}
            >
              {label}
            </button>
          ))}
        </div>
        <Advice advice={failure.sides[side]} />
      </Panel>
      <Panel
        title="Here"
        to={
          occurrences !== null && occurrences.total > 0
            ? link(['failures'], { error: String(failure.code) })
            : undefined
        }
      >
        {occurrences === null ? (
          <Nothing>
            How often it occurred is hidden: the key or account needs the scope <code>diagnostics:read</code>.
          </Nothing>
        ) : occurrences.total === 0 ? (
          <Nothing>It did not occur in the net events that the server keeps.</Nothing>
        ) : (
          <p>
            <strong>{counted(occurrences.total, 'time')}</strong>, with {counted(occurrences.peers, 'peer')},
            last <Ago value={occurrences.newest} />. {sidesOf(occurrences)}
          </p>
        )}
      </Panel>
      <Panel title="Related and sources">
        {failure.related.length > 0 && (
          <p class="inline">
            {failure.related.map((each) => (
              <a key={each} href={link(['failures', each])}>
                {each}
              </a>
            ))}
          </p>
        )}
        <ul class="sources">
          {failure.sources
            .filter((source) => /^https?:/.test(source))
            .map((source) => (
              <li key={source}>
                <a href={source} rel="noreferrer noopener" target="_blank">
                  {source.replace(/^https?:\/\//, '')}
                </a>
              </li>
            ))}
        </ul>
      </Panel>
      {occurrences !== null && occurrences.total > 0 && <Occurrences code={String(failure.code)} />}
    </div>
  );
}

function Advice({ advice: { explanation, checks } }: { advice: FailureAdvice }) {
  const parts = [
    ['For connection security rules', checks.rules],
    ['For VPNs (RRAS, Always On VPN)', checks.vpn],
    ['For DirectAccess', checks.directAccess],
  ] as const;
  return (
    <>
      <p class="lead">{explanation}</p>
      <div class="advice">
        {parts.map(([title, text]) =>
          text === null ? null : (
            <section key={title}>
              <h3>{title}</h3>
              <p class="check-text">
                <Marked text={text} />
              </p>
            </section>
          ),
        )}
      </div>
    </>
  );
}

/** Return how often each side gave up, in words; the numbers add up to the total. */
function sidesOf({ total, me, peer }: FailureOccurrences): string {
  const parts = [
    [me, 'this host gave up'],
    [peer, 'the peer gave up'],
    [total - me - peer, 'the side is unknown'],
  ] as const;
  const told = parts.filter(([value]) => value > 0).map(([value, words]) => `${count(value)} × ${words}`);
  return `${told.join(', ')}.`;
}

function Occurrences({ code }: { code: string }) {
  const answer = useAnswer(
    `occurrences ${code}`,
    (signal) => body(listNetEvents({ query: { error: [code], limit: 200 }, signal, throwOnError: true })),
    10,
  );
  return (
    <Panel title="With these peers" wide>
      <Answered answer={answer}>
        {(page) => {
          const groups = groupsOf(page.items);
          return (
            <>
              <ul class="groups flat">
                {groups.slice(0, MAX).map((group) => (
                  <Group key={group.key} group={group} hasCode={false} />
                ))}
              </ul>
              {groups.length > MAX && (
                <a href={link(['failures'], { error: code })}>
                  All {count(groups.length)}
                  {page.nextCursor === undefined ? '' : '+'}
                </a>
              )}
            </>
          );
        }}
      </Answered>
    </Panel>
  );
}
