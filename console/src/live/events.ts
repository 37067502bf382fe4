/**
 * Event streams (docs/events.md): read by the generated client, resumed after the last event.
 *
 * A stream pauses while the tab has been hidden for a minute, so that forgotten tabs cost the
 * server nothing, and resumes where it was.
 */

import { fetchOrThrow } from '../api/client';
import { asRejection, type Rejection } from '../api/rejection';

/** An event: its kind, the position after it, and its data. */
export interface Change {
  readonly kind: string;
  readonly position: string;
  readonly data: unknown;
}

/** The part of the generated functions' options that concerns a stream. */
export interface StreamOptions {
  signal: AbortSignal;
  fetch: typeof fetch;
  sseMaxRetryAttempts: number;
  onSseError: (error: unknown) => void;
  onSseEvent: (event: { event?: string; id?: string; data: unknown }) => void;
}

/** Opens a stream after a position; without one, at the newest state. */
export type Open = (
  position: string | undefined,
  options: StreamOptions,
) => Promise<{ stream: AsyncGenerator }>;

/** What is known of a stream. */
export type StreamState = 'connecting' | 'live' | 'waiting' | 'paused' | 'rejected';

const SILENCE = 45_000;
const HIDDEN = 60_000;
const FIRST_DELAY = 2_000;
const MAX_DELAY = 30_000;

/** Yield the events of one stream until it ends; throw a rejection if it breaks. `opened` is called once it flows. */
export async function* changes(
  open: Open,
  position: string | undefined,
  opened: () => void,
  outer: AbortSignal,
): AsyncGenerator<Change> {
  const abort = new AbortController();
  const stop = (): void => {
    abort.abort();
  };
  outer.addEventListener('abort', stop, { once: true });
  let timer = setTimeout(stop, SILENCE);
  let failure: Rejection | undefined;
  let kind = '';
  let at = position ?? '';
  try {
    const { stream } = await open(position, {
      signal: abort.signal,
      fetch: async (input, init) => {
        const response = await fetchOrThrow(input, init);
        opened();
        return response;
      },
      sseMaxRetryAttempts: 1,
      onSseError: (error) => {
        failure = asRejection(error);
      },
      onSseEvent: ({ event, id }) => {
        // Also called for comments, which only show that the connection lives.
        clearTimeout(timer);
        timer = setTimeout(stop, SILENCE);
        kind = event ?? '';
        at = id ?? at;
      },
    });
    for await (const data of stream) yield { kind, position: at, data };
    if (failure !== undefined && !outer.aborted) throw failure;
  } finally {
    clearTimeout(timer);
    outer.removeEventListener('abort', stop);
    abort.abort();
  }
}

/** Wait before the next attempt: longer after each failure, and at random, so that tabs spread. */
export function delayAfter(failures: number, rejection: Rejection | undefined): number {
  const delay = Math.min(FIRST_DELAY * 2 ** Math.max(0, failures - 1), MAX_DELAY);
  return Math.max((rejection?.retryAfter ?? 0) * 1000, delay * (0.75 + Math.random() / 2));
}

/** Wait, unless it is no longer wanted. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}

/** Return a signal that aborts when the tab has been hidden for a minute, or with another signal. */
export function whileSeen(outer: AbortSignal): { signal: AbortSignal; end: () => void } {
  const abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = (): void => {
    abort.abort();
  };
  const look = (): void => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(stop, HIDDEN);
  };
  outer.addEventListener('abort', stop, { once: true });
  document.addEventListener('visibilitychange', look);
  look();
  return {
    signal: abort.signal,
    end: () => {
      clearTimeout(timer);
      outer.removeEventListener('abort', stop);
      document.removeEventListener('visibilitychange', look);
    },
  };
}

/** Wait until somebody sees the tab. */
export function untilSeen(signal: AbortSignal): Promise<void> {
  if (!document.hidden || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const look = (): void => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener('visibilitychange', look);
      signal.removeEventListener('abort', look);
      resolve();
    };
    document.addEventListener('visibilitychange', look);
    signal.addEventListener('abort', look);
  });
}
