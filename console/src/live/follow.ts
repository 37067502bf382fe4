/** Follow a stream for as long as it is wanted: reconnect, resume, begin again after a reset. */

import { signal } from '@preact/signals';

import { asRejection, type Rejection } from '../api/rejection';
import {
  changes,
  delayAfter,
  pause,
  untilSeen,
  whileSeen,
  type Change,
  type Open,
  type StreamState,
} from './events';

/** The state of the stream that the page on show follows; `undefined` if it follows none. */
export const streamState = signal<StreamState | undefined>(undefined);

/** What to follow. */
export interface Following {
  /** Read the complete state, and return the position to follow from, if the stream is to begin there. */
  readonly begin?: (isAfterReset: boolean, signal: AbortSignal) => Promise<string | undefined>;
  readonly open: Open;
  readonly change: (change: Change) => void;
  /** Called when an attempt fails, and with `undefined` once one succeeds. */
  readonly rejected: (rejection: Rejection | undefined) => void;
}

/** Follow until the signal aborts, or the server rejects the request for good. */
export async function follow(following: Following, outer: AbortSignal): Promise<void> {
  let position: string | undefined;
  let isBegun = false;
  let isAfterReset = false;
  let failures = 0;
  while (!isOver()) {
    const seen = whileSeen(outer);
    let rejection: Rejection | undefined;
    try {
      if (!isBegun) {
        show('connecting');
        position = await following.begin?.(isAfterReset, outer);
        isBegun = true;
      }
      for await (const change of changes(following.open, position, opened, seen.signal)) {
        failures = 0;
        if (change.kind === 'reset') {
          isBegun = false;
          isAfterReset = true;
          position = undefined;
          break;
        }
        position = change.position === '' ? position : change.position;
        following.change(change);
      }
    } catch (error) {
      rejection = asRejection(error);
    } finally {
      seen.end();
    }
    if (isOver()) return;
    if (document.hidden) {
      show('paused');
      await untilSeen(outer);
      continue;
    }
    if (rejection !== undefined) {
      following.rejected(rejection);
      if (rejection.status === 410)
        isBegun = false; // the snapshot of the list has expired
      else if (!rejection.isTemporary) {
        show('rejected');
        return;
      }
    }
    show('waiting');
    failures += 1;
    await pause(delayAfter(failures, rejection), outer);
  }

  function isOver(): boolean {
    return outer.aborted;
  }

  function opened(): void {
    show('live');
    following.rejected(undefined);
  }

  function show(state: StreamState): void {
    if (!isOver()) streamState.value = state;
  }
}

/** Show that no stream is followed any more. */
export function endFollowing(): void {
  streamState.value = undefined;
}
