/** What a peer's state follows from: a line for each finding, and what to check folded below it. */

import type { PeerDetail, PeerFinding } from '../../client';
import { Sign } from '../ui/words';
import { wordFor } from '../words/states';
import { Marked } from './failures';

/** Below this many, the checks of a peer in trouble are all open: reading them is why one is here. */
const MAX_OPEN = 3;

/** Findings that have a check in common. */
interface Checked {
  readonly check: string;
  readonly findings: readonly string[];
}

/** Show the diagnosis of a peer, the most important finding first. */
export function Diagnosis({ peer: { diagnosis, state } }: { peer: PeerDetail }) {
  const { tone } = wordFor('peer', state);
  const groups = byCheck(diagnosis);
  const areAllOpen = tone === 'bad' && groups.length <= MAX_OPEN;
  return (
    <ul class="findings">
      {groups.map(({ check, findings }, index) => {
        const parts = findings.map(lead);
        return (
          <li key={check}>
            <Sign tone={index === 0 ? tone : 'calm'} />
            <div>
              {parts.map(([line], at) => (
                <p key={at}>
                  <Marked text={line} />
                </p>
              ))}
              <details open={index === 0 || areAllOpen}>
                <summary>What to check</summary>
                {[...parts.map(([, rest]) => rest), check]
                  .filter((text) => text !== '')
                  .map((text, at) => (
                    <p key={at} class="check-text">
                      <Marked text={text} />
                    </p>
                  ))}
              </details>
            </div>
          </li>
        );
      })}
    </ul>
  );
}

/** Return findings by their check, in order of the first with each. */
function byCheck(diagnosis: readonly PeerFinding[]): Checked[] {
  const groups = new Map<string, string[]>();
  for (const { finding, check } of diagnosis) groups.set(check, [...(groups.get(check) ?? []), finding]);
  return [...groups].map(([check, findings]) => ({ check, findings: [...new Set(findings)] }));
}

/** Return the first two sentences of a finding, such as an error and its meaning, and the rest. */
function lead(finding: string): readonly [string, string] {
  const [first = '', second, ...rest] = finding.split(/(?<=[.!?])\s+(?=[A-Z`])/);
  return [second === undefined ? first : `${first} ${second}`, rest.join(' ')];
}
