/** An SA context that is gone: when and why it ended, and what replaced it. */

import { listEndedSaContexts, type EndedSaContext } from '../../client';
import { useAnswer } from '../api/answer';
import { body } from '../api/client';
import { duration } from '../format/times';
import { link } from '../route/route';
import { Answered, Panel } from '../ui/panel';
import { Pair, Pairs } from '../ui/pairs';
import { Address, Ago, Name, State, Time } from '../ui/words';
import { wordFor } from '../words/states';
import { Evidence } from './ended';

const PAGE = 1000;

/** How many pages of ended contexts are searched: the API cannot filter them by id. */
const MAX_PAGES = 10;

/** Say what became of an SA context that the server no longer has. */
export function Gone({ id, isShownBelow }: { id: string; isShownBelow: boolean }) {
  // Asked again, because a reason that is unknown at first may become known.
  const answer = useAnswer(`gone ${id}`, (signal) => find(id, signal), 30);
  const peer = answer.data?.remoteAddress ?? undefined;
  return (
    <Panel
      title={answer.data === null ? 'There is no such SA context' : 'This SA context has ended'}
      to={peer === undefined ? '#/ended' : link(['ended'], { remoteAddress: peer })}
      more={peer === undefined ? 'Ended SA contexts' : 'Ended SA contexts with this peer'}
    >
      <Answered answer={answer} lines={3}>
        {(found) =>
          found === null ? (
            <p>
              This host has no SA context with this id, and the server knows of none that ended. It may have
              ended before the server began to watch.
            </p>
          ) : (
            <End item={found} />
          )
        }
      </Answered>
      {isShownBelow && <p class="soft">What follows is from before it ended.</p>}
    </Panel>
  );
}

function End({ item }: { item: EndedSaContext }) {
  const { replacedBy } = item.evidence;
  return (
    <Pairs>
      <Pair label="Ended">
        <Ago value={item.time} />, <Time value={item.time} />
        {item.duration !== undefined && <span class="soft"> after {duration(item.duration)}</span>}
      </Pair>
      <Pair label="Reason">
        <State kind="end" value={item.endReason} />{' '}
        <span class="soft">{wordFor('end', item.endReason).meaning}</span>
      </Pair>
      {replacedBy !== undefined ? (
        <Pair label="Replaced by">
          <a class="number" href={link(['sa-contexts', replacedBy])}>
            SA context {replacedBy}
          </a>
        </Pair>
      ) : (
        Object.keys(item.evidence).length > 0 && (
          <Pair label="Evidence">
            <Evidence item={item} />
          </Pair>
        )
      )}
      <Pair label="Peer">
        <Address value={item.remoteAddress} isLink />{' '}
        {item.principalNames.map((name) => (
          <div key={name}>
            <Name value={name} />
          </div>
        ))}
      </Pair>
    </Pairs>
  );
}

/** Return the latest context with an id that ended, or null. */
async function find(id: string, signal: AbortSignal): Promise<EndedSaContext | null> {
  let cursor: string | undefined;
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    const query = { limit: PAGE, ...(cursor === undefined ? {} : { cursor }) };
    const page = await body(listEndedSaContexts({ query, signal, throwOnError: true }));
    const found = page.items.find((item) => item.saContextId === id);
    if (found !== undefined) return found;
    cursor = page.nextCursor;
    if (cursor === undefined) break;
  }
  return null;
}
