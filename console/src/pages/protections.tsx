/** How sound this host's protections are: parts of a whole, and weaknesses. */

import type { SaContextSummary, ValueCount } from '../../client';
import { link } from '../route/route';
import { Bars, StackedBar, type Part } from '../ui/bars';
import { Nothing } from '../ui/panel';
import { Sign } from '../ui/words';
import { netshWord, soundness, valueLabel } from '../words/values';
import { weakness } from '../words/weaknesses';

const FACETS = [
  ['cipher', 'Encryption'],
  ['integrity', 'Integrity'],
  ['pfsGroup', 'PFS group'],
  ['keyModule', 'Keying module'],
  ['trafficType', 'Mode'],
] as const;

/** Show by what the SA contexts are protected, facet by facet. */
export function Protections({ summary }: { summary: SaContextSummary }) {
  return (
    <div class="facets">
      {FACETS.map(([facet, label]) => (
        <div key={facet}>
          <h3>{label}</h3>
          <StackedBar label={label} parts={partsOf(facet, summary[facet])} />
        </div>
      ))}
    </div>
  );
}

/** The sound ones first, in the accent's shades; then the poor and the bad ones, in their own colours. */
function partsOf(facet: string, counts: readonly ValueCount[]): Part[] {
  const rank = { good: 0, poor: 1, bad: 2 };
  const isJudged = facet !== 'trafficType' && facet !== 'keyModule';
  const judge = (value: string): 'good' | 'poor' | 'bad' =>
    isJudged || value === 'ike' ? soundness(value) : 'good';
  let next = 0;
  return [...counts]
    .sort((a, b) => rank[judge(a.value)] - rank[judge(b.value)] || b.contexts - a.contexts)
    .map(({ value, contexts }) => {
      const sound = judge(value);
      if (sound === 'good') next += 1;
      return {
        id: value,
        label: valueLabel(value),
        value: contexts,
        to: link(['sa-contexts'], { [facet]: value }),
        title: netshWord(value) === undefined ? value : `${value}, in netsh ${netshWord(value) ?? ''}`,
        colour: sound === 'good' ? `part-${String(Math.min(next, 6))}` : `part-${sound}`,
      };
    });
}

/** Show how many SA contexts have which weakness. */
export function WeaknessBars({ summary }: { summary: SaContextSummary }) {
  if (summary.weakness.length === 0) {
    return (
      <Nothing>
        <Sign tone="good" /> The baseline has no objection to any SA.
      </Nothing>
    );
  }
  const parts = summary.weakness.slice(0, 12).map(({ value, contexts }): Part => {
    const { label, meaning, isGrave } = weakness(value);
    return {
      id: value,
      label,
      value: contexts,
      to: link(['sa-contexts'], { weakness: value }),
      title: meaning,
      colour: isGrave ? 'part-bad' : 'part-poor',
    };
  });
  return (
    <>
      <StackedBar
        label="With and without weakness"
        parts={[
          {
            id: 'none',
            label: 'no weakness',
            value: summary.contexts - summary.withWeakness,
            to: undefined,
            colour: 'part-1',
          },
          {
            id: 'any',
            label: 'at least one',
            value: summary.withWeakness,
            to: '#/sa-contexts?weakness=any',
            colour: 'part-poor',
          },
        ]}
      />
      <Bars label="Weaknesses" parts={parts} whole={summary.contexts} />
      <p class="small">
        <a href="#/peers?weakness=any">All weak peers</a>
      </p>
    </>
  );
}
