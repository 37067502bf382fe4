/** The last hours of this host, as plots. */

import { useMemo } from 'preact/hooks';

import type { History } from '../../client';
import { count, rate } from '../format/numbers';
import { axisTime } from '../format/times';
import { now } from '../live/clock';
import { Nothing } from '../ui/panel';
import { Plot } from '../ui/plot';

/** Return how far back the rows go, in words; of less than an hour, the time at which they begin. */
export function titleOfHours(history: History | undefined): string {
  const [first] = history?.items ?? [];
  const isLong = first === undefined || now.peek() - new Date(first.time).getTime() > 3_600_000;
  return isLong ? 'The last hours' : `Since ${axisTime(new Date(first.time).getTime(), false)}`;
}

/** Show the rows of `/history`. */
export function Hours({ history: { items } }: { history: History }) {
  const times = useMemo(() => items.map((row) => new Date(row.time).getTime() / 1000), [items]);
  const lines = useMemo(
    () => ({
      contexts: [
        {
          label: 'SA contexts',
          colour: '--part-1',
          isFilled: true,
          values: items.map((row) => row.saContexts),
        },
      ],
      traffic: [
        {
          label: 'in',
          colour: '--part-4',
          isFilled: true,
          values: items.map((row) => perSecond(row.bytesInbound)),
        },
        {
          label: 'out',
          colour: '--part-1',
          values: items.map((row) => perSecond(row.bytesOutbound)),
        },
      ],
      failures: [
        {
          label: 'failures',
          colour: '--bad',
          isFilled: true,
          values: items.map((row) => row.failures),
        },
      ],
    }),
    [items],
  );
  if (items.length < 2) {
    return (
      <Nothing>The server adds a row each minute, and has {items.length === 0 ? 'none' : 'one'} yet.</Nothing>
    );
  }
  return (
    <div class="plots">
      <Plot label="SA contexts" times={times} lines={lines.contexts} format={whole} height={170} />
      <Plot label="Traffic" times={times} lines={lines.traffic} format={rate} height={170} />
      <Plot label="Failures per minute" times={times} lines={lines.failures} format={whole} height={140} />
    </div>
  );
}

function perSecond(value: string | null): number | null {
  return value === null ? null : Number(value) / 60;
}

function whole(value: number): string {
  return count(Math.round(value));
}
