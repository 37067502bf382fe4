/** Answers that components show: asked when they appear, asked again in time. */

import { useEffect, useRef, useState } from 'preact/hooks';

import { asRejection, type Rejection } from './rejection';

/** The state of a question. */
export interface Answer<Data> {
  /** The last answer; it stays while a newer one is awaited or fails. */
  readonly data: Data | undefined;
  /** Why the last attempt brought none. */
  readonly rejection: Rejection | undefined;
  /** When the last answer came. */
  readonly at: number | undefined;
  /** Ask again at once. */
  readonly again: () => void;
}

interface State<Data> {
  key: string;
  data?: Data;
  rejection?: Rejection;
  at?: number;
}

/**
 * Ask, and ask again every `seconds`, but not while nobody sees the page.
 *
 * Another `key` is another question: its predecessor's answer is dropped.
 */
export function useAnswer<Data>(
  key: string,
  ask: (signal: AbortSignal) => Promise<Data>,
  seconds?: number,
): Answer<Data> {
  const [state, setState] = useState<State<Data>>({ key });
  const [turn, setTurn] = useState(0);
  const asked = useRef(ask);
  asked.current = ask;

  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;

    const next = (delay: number): void => {
      timer = setTimeout(() => {
        if (!document.hidden) void turnOnce();
        else next(delay);
      }, delay * 1000);
    };
    const turnOnce = async (): Promise<void> => {
      let delay = seconds;
      try {
        const data = await asked.current(abort.signal);
        if (abort.signal.aborted) return;
        setState({ key, data, at: Date.now() });
      } catch (error) {
        if (abort.signal.aborted) return;
        const rejection = asRejection(error);
        setState((before) => ({ ...(before.key === key ? before : { key }), key, rejection }));
        if (rejection.isTemporary) delay = Math.max(rejection.retryAfter ?? 0, seconds ?? 0, 5);
        else delay = undefined;
      }
      if (delay !== undefined) next(delay);
    };

    void turnOnce();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [key, seconds, turn]);

  const isOfKey = state.key === key;
  return {
    data: isOfKey ? state.data : undefined,
    rejection: isOfKey ? state.rejection : undefined,
    at: isOfKey ? state.at : undefined,
    again: () => {
      setTurn((value) => value + 1);
    },
  };
}
