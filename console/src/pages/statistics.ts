/** Samples of the engine's counters, and rates between them. */

import { useEffect, useState } from 'preact/hooks';

import {
  getIkeStatistics,
  getIpsecStatistics,
  type IkeextStatistics,
  type IpsecStatistics,
} from '../../client';
import { body } from '../api/client';
import { asRejection, type Rejection } from '../api/rejection';

/** The counters at one time. */
export interface Sample {
  /** Seconds since 1970. */
  readonly time: number;
  readonly ipsec: IpsecStatistics;
  readonly ike: IkeextStatistics;
}

const INTERVAL = 5_000;
const MAX_SAMPLES = 360;

/** Sample the counters while the page is on show; the last half hour is kept. */
export function useSamples(): { samples: readonly Sample[]; rejection: Rejection | undefined } {
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  const [rejection, setRejection] = useState<Rejection>();
  useEffect(() => {
    const abort = new AbortController();
    const { signal } = abort;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const sample = async (): Promise<void> => {
      try {
        if (!document.hidden) {
          const [ipsec, ike] = await Promise.all([
            body(getIpsecStatistics({ signal, throwOnError: true })),
            body(getIkeStatistics({ signal, throwOnError: true })),
          ]);
          const time = new Date(ipsec.sample.takenAt).getTime() / 1000;
          setSamples((before) =>
            before.at(-1)?.ipsec.sample.epoch === ipsec.sample.epoch
              ? [...before.slice(1 - MAX_SAMPLES), { time, ipsec, ike }]
              : [{ time, ipsec, ike }],
          );
          setRejection(undefined);
        }
      } catch (error) {
        if (abort.signal.aborted) return;
        const failure = asRejection(error);
        setRejection(failure);
        if (!failure.isTemporary) return;
      }
      if (!abort.signal.aborted) timer = setTimeout(() => void sample(), INTERVAL);
    };
    void sample();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, []);
  return { samples, rejection };
}

/** Return a counter's rate per second between samples; counters of 32 bits wrap round. */
export function rates(
  samples: readonly Sample[],
  value: (sample: Sample) => number,
  isWide = false,
): (number | null)[] {
  return samples.map((sample, index) => {
    const before = samples[index - 1];
    if (before === undefined || sample.time <= before.time) return null;
    let difference = value(sample) - value(before);
    if (difference < 0 && !isWide) difference += sample.ipsec.sample.modulus;
    return difference < 0 ? null : difference / (sample.time - before.time);
  });
}

/** Return a counter of all keying modules and IP versions. */
export function ikeTotal(
  { ike }: Sample,
  name:
    | 'totalSuccessfulMainModes'
    | 'totalFailedMainModes'
    | 'totalSuccessfulQuickModes'
    | 'totalFailedQuickModes',
): number {
  return [ike.ikeStatistics, ike.authipStatistics, ike.ikeV2Statistics]
    .filter((each) => each !== undefined)
    .reduce((sum, each) => sum + each.v4Statistics[name] + each.v6Statistics[name], 0);
}
