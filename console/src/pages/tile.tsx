/** A tile of the overview: a number that leads to the list behind it. */

import type { Answer } from '../api/answer';
import { count } from '../format/numbers';
import { Sign } from '../ui/words';
import type { Tone } from '../words/states';

/** Show a tile. */
export function Tile<Data>({
  label,
  words,
  to,
  answer,
  value,
  note,
  isMore,
  tone,
}: {
  label: string;
  words?: string;
  to: string;
  answer: Answer<Data>;
  value: (data: Data) => number;
  note?: (data: Data) => string;
  isMore?: (data: Data) => boolean;
  tone?: (data: Data) => Tone;
}) {
  const { data, rejection } = answer;
  const shown =
    data === undefined
      ? rejection === undefined
        ? '…'
        : rejection.scope === undefined
          ? '–'
          : 'hidden'
      : `${count(value(data))}${isMore?.(data) === true ? '+' : ''}`;
  const sign = data === undefined ? undefined : tone?.(data);
  return (
    <li>
      <a
        class={`tile ${sign ?? ''}`}
        href={to}
        title={rejection?.scope === undefined ? rejection?.title : `Needs the scope ${rejection.scope}`}
      >
        <span class="tile-value number">{shown}</span>
        {data !== undefined && note !== undefined && <span class="tile-note soft">{note(data)}</span>}
        <span class="tile-label">
          {sign !== undefined && <Sign tone={sign} />}
          {label} {words !== undefined && <span class="soft small">{words}</span>}
        </span>
      </a>
    </li>
  );
}
