/** Lifetimes of SAs as bars on one scale, with the baseline's limits. */

import type { IkeSa, SaContext } from '../../client';
import { bytes, count } from '../format/numbers';
import { duration } from '../format/times';
import { width } from '../ui/bars';
import { Pair, Pairs } from '../ui/pairs';
import { QUICK_MODE } from '../words/windows';

/** The longest lifetimes to which the default baseline has no objection, in seconds (docs/weaknesses.md). */
const QUICK_MODE_LIMIT = 28_800;
const MAIN_MODE_LIMIT = 86_400;

interface Bar {
  label: string;
  seconds: number;
  limit: number;
}

/** Show the lifetimes of a context's SAs and of their main mode SA. */
export function Lifetimes({
  context: { inboundSa, outboundSa },
  mainMode,
}: {
  context: SaContext;
  mainMode: IkeSa | undefined;
}) {
  const sa = outboundSa ?? inboundSa;
  if (sa === null) return null;
  const { lifetime, idleTimeoutSeconds } = sa.saBundle;
  const bars: Bar[] = [
    ...(outboundSa === null
      ? []
      : [
          {
            label: 'Outbound SA',
            seconds: outboundSa.saBundle.lifetime.lifetimeSeconds,
            limit: QUICK_MODE_LIMIT,
          },
        ]),
    ...(inboundSa === null
      ? []
      : [
          {
            label: 'Inbound SA',
            seconds: inboundSa.saBundle.lifetime.lifetimeSeconds,
            limit: QUICK_MODE_LIMIT,
          },
        ]),
    ...(mainMode === undefined
      ? []
      : [
          {
            label: 'Main mode SA',
            seconds: mainMode.ikeProposal.maxLifetimeSeconds,
            limit: MAIN_MODE_LIMIT,
          },
        ]),
    { label: 'Idle timeout', seconds: idleTimeoutSeconds, limit: Number.POSITIVE_INFINITY },
  ];
  const longest = Math.max(...bars.map((bar) => bar.seconds), QUICK_MODE_LIMIT);
  return (
    <>
      <ul class="bars" aria-label="Lifetimes">
        {bars.map(({ label, seconds, limit }) => (
          <li
            key={label}
            title={Number.isFinite(limit) ? `The baseline accepts up to ${duration(limit)}.` : undefined}
          >
            <span class="bar-label">{label}</span>
            <span class="track" aria-hidden="true">
              {/* By its root, so that five minutes and a day are both to be seen. */}
              <span
                class={`fill ${seconds > limit || seconds === 0 ? 'part-poor' : 'part-1'}`}
                ref={width(Math.sqrt(seconds / longest))}
              />
            </span>
            <span class="number">{seconds === 0 ? 'no limit' : duration(seconds)}</span>
          </li>
        ))}
      </ul>
      <Pairs>
        <Pair label="Or after" windows={`${QUICK_MODE.lifetimeKilobytes}, ${QUICK_MODE.lifetimePackets}`}>
          {lifetime.lifetimeKilobytes === 0 ? 'any amount' : bytes(lifetime.lifetimeKilobytes * 1000)},{' '}
          {lifetime.lifetimePackets === 0
            ? 'any number of packets'
            : `${count(lifetime.lifetimePackets)} packets`}
        </Pair>
      </Pairs>
    </>
  );
}
