/** The engine: what the doctor would find, how the server reads it, and its counters as plots. */

import { useMemo } from 'preact/hooks';

import { getEngine, listCertificates, listConnections, listNetEvents } from '../../client';
import { useAnswer } from '../api/answer';
import { body } from '../api/client';
import { count, counted, rate } from '../format/numbers';
import { Answered, Nothing, Panel } from '../ui/panel';
import { Pair, Pairs } from '../ui/pairs';
import { Plot } from '../ui/plot';
import { Rejected } from '../ui/rejected';
import { Name, Sign, Time } from '../ui/words';
import { Marked } from './failures';
import { findingsOf } from './findings';
import { ikeTotal, rates, useSamples, type Sample } from './statistics';

/** Show the engine. */
export function EnginePage() {
  const engine = useAnswer('engine page', (signal) => body(getEngine({ signal, throwOnError: true })), 10);
  const connections = useAnswer(
    'engine connections',
    (signal) => body(listConnections({ query: { limit: 1 }, signal, throwOnError: true })),
    60,
  );
  const netEvents = useAnswer(
    'engine net events',
    (signal) => body(listNetEvents({ query: { limit: 1 }, signal, throwOnError: true })),
    60,
  );
  const certificates = useAnswer(
    'engine certificates',
    (signal) => body(listCertificates({ query: { expiresWithin: '30d' }, signal, throwOnError: true })),
    60,
  );
  return (
    <>
      <div class="head">
        <h1>Engine</h1>
        <span class="words">Windows Filtering Platform</span>
      </div>
      <div class="grid two">
        <Panel title="Findings" note="sa-contexts doctor checks more, on the host">
          <Answered answer={engine} lines={8}>
            {(data) => (
              <ul class="findings">
                {findingsOf({
                  engine: data,
                  connections: connections.data,
                  netEvents: netEvents.data,
                  certificates: certificates.data,
                }).map(({ check, tone, finding, solution }) => (
                  <li key={`${check} ${finding}`}>
                    <Sign tone={tone} />
                    <div>
                      <p>
                        {finding} <code class="soft">{check}</code>
                      </p>
                      {solution !== undefined && (
                        <p class="soft">
                          <Marked text={solution} />
                        </p>
                      )}
                    </div>
                  </li>
                ))}
              </ul>
            )}
          </Answered>
        </Panel>
        <Panel title="The server’s view">
          <Answered answer={engine} lines={8}>
            {(data) => (
              <Pairs>
                <Pair label="Host">
                  <Name value={data.host} />
                </Pair>
                <Pair label="Engine">{data.kind}</Pair>
                <Pair label="Library">
                  <Name value={data.library} />
                </Pair>
                <Pair label="Epoch, revision">
                  <code>{data.epoch ?? '–'}</code> <span class="number">{data.revision ?? '–'}</span>
                </Pair>
                <Pair label="Last refresh">
                  <Time value={data.lastRefresh?.startedAt} />
                </Pair>
                <Pair label="Baseline">
                  <code>{data.baseline}</code>
                </Pair>
                <Pair label="Leased snapshots">{count(data.leasedSnapshots)}</Pair>
                <Pair label="Open streams">{count(data.streams)}</Pair>
              </Pairs>
            )}
          </Answered>
        </Panel>
        <Statistics />
      </div>
    </>
  );
}

function Statistics() {
  const { samples, rejection } = useSamples();
  const last = samples.at(-1);
  const times = useMemo(() => samples.map((sample) => sample.time), [samples]);
  const plots = useMemo(() => linesOf(samples), [samples]);
  return (
    <>
      <Panel
        title="Statistics"
        wide
        note={`sampled every 5 s while this page is open: ${counted(samples.length, 'sample')}`}
      >
        {rejection !== undefined && <Rejected rejection={rejection} isOld={samples.length > 0} />}
        {samples.length < 2 ? (
          rejection === undefined && <Nothing>The first rates follow in a few seconds.</Nothing>
        ) : (
          <div class="plots">
            <Plot label="Active SAs" times={times} lines={plots.sas} format={whole} />
            <Plot label="Traffic" times={times} lines={plots.traffic} format={rate} />
            <Plot label="Main and quick modes per minute" times={times} lines={plots.modes} format={tenth} />
            <Plot label="Dropped packets per minute" times={times} lines={plots.drops} format={tenth} />
          </div>
        )}
      </Panel>
      {last !== undefined && <Counters sample={last} />}
    </>
  );
}

function Counters({ sample: { ipsec } }: { sample: Sample }) {
  const groups = [
    ['SAs', ipsec.aggregateSaStatistics],
    ['Dropped packets', ipsec.aggregateDropPacketStatistics],
    ['ESP', ipsec.espDropPacketStatistics],
    ['AH', ipsec.ahDropPacketStatistics],
  ] as const;
  return (
    <>
      {groups.map(([title, counters]) => (
        <Panel key={title} title={title} note="netsh has no word for these; the names are WFP’s">
          <dl class="counters">
            {Object.entries(counters).map(([name, value]) => (
              <div key={name}>
                <dt>{spaced(name)}</dt>
                <dd class={`number ${value === 0 ? 'soft' : ''}`}>{count(value)}</dd>
              </div>
            ))}
          </dl>
        </Panel>
      ))}
    </>
  );
}

function linesOf(samples: readonly Sample[]) {
  const perMinute = (values: (number | null)[]): (number | null)[] =>
    values.map((value) => (value === null ? null : value * 60));
  return {
    sas: [
      {
        label: 'SAs',
        colour: '--part-1',
        isFilled: true,
        values: samples.map(({ ipsec }) => ipsec.aggregateSaStatistics.activeSas),
      },
    ],
    traffic: [
      {
        label: 'in',
        colour: '--part-4',
        isFilled: true,
        values: rates(
          samples,
          ({ ipsec }) =>
            Number(ipsec.inboundTrafficStatistics.transportByteCount) +
            Number(ipsec.inboundTrafficStatistics.tunnelByteCount),
          true,
        ),
      },
      {
        label: 'out',
        colour: '--part-1',
        values: rates(
          samples,
          ({ ipsec }) =>
            Number(ipsec.outboundTrafficStatistics.transportByteCount) +
            Number(ipsec.outboundTrafficStatistics.tunnelByteCount),
          true,
        ),
      },
    ],
    modes: [
      {
        label: 'main modes',
        colour: '--part-4',
        values: perMinute(rates(samples, (sample) => ikeTotal(sample, 'totalSuccessfulMainModes'))),
      },
      {
        label: 'quick modes',
        colour: '--part-1',
        values: perMinute(rates(samples, (sample) => ikeTotal(sample, 'totalSuccessfulQuickModes'))),
      },
      {
        label: 'failed',
        colour: '--bad',
        values: perMinute(
          rates(
            samples,
            (sample) => ikeTotal(sample, 'totalFailedMainModes') + ikeTotal(sample, 'totalFailedQuickModes'),
          ),
        ),
      },
    ],
    drops: [
      {
        label: 'dropped',
        colour: '--part-bad',
        isFilled: true,
        values: perMinute(
          rates(samples, ({ ipsec }) => ipsec.aggregateDropPacketStatistics.totalDropPacketsInbound ?? 0),
        ),
      },
    ],
  };
}

function spaced(name: string): string {
  return name
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replace(/\b(sas?|spis?|esp|udp)\b/g, (word) => word.toUpperCase().replace(/S$/, 's'));
}

function whole(value: number): string {
  return count(Math.round(value));
}

function tenth(value: number): string {
  return value >= 10 || value === 0 ? count(Math.round(value)) : value.toFixed(1);
}
