/** Parts of a whole as one bar, and amounts as bars below each other; every part is a link. */

import { count, share } from '../format/numbers';

/** A part of a whole. */
export interface Part {
  readonly id: string;
  readonly label: string;
  readonly value: number;
  readonly to: string | undefined;
  readonly title?: string | undefined;
  /** The class of its colour. */
  readonly colour: string;
}

/** Show parts of a whole: one stacked bar, and below it each part's name and number. */
export function StackedBar({
  label,
  parts,
  limit = 12,
}: {
  label: string;
  parts: readonly Part[];
  limit?: number;
}) {
  const whole = parts.reduce((sum, part) => sum + part.value, 0);
  const shown = parts.filter((part) => part.value > 0);
  const rest = shown.slice(limit).reduce((sum, part) => sum + part.value, 0);
  const drawn = shown.slice(0, limit);
  return (
    <div class="stack">
      <div class="stack-bar" aria-hidden="true">
        {drawn.map((part) => (
          <span
            key={part.id}
            class={`segment ${part.colour}`}
            ref={growing(part.value)}
            title={`${part.label}: ${count(part.value)}`}
          />
        ))}
        {rest > 0 && <span class="segment part-other" ref={growing(rest)} />}
      </div>
      <ul class="legend" aria-label={label}>
        {drawn.map((part) => (
          <li key={part.id} title={part.title}>
            <span class={`swatch ${part.colour}`} aria-hidden="true" />
            {part.to === undefined ? <span>{part.label}</span> : <a href={part.to}>{part.label}</a>}
            <span class="number">{count(part.value)}</span>
            <span class="soft number">{share(part.value, whole)}</span>
          </li>
        ))}
        {rest > 0 && (
          <li>
            <span class="swatch part-other" aria-hidden="true" />
            <span>others</span>
            <span class="number">{count(rest)}</span>
          </li>
        )}
      </ul>
    </div>
  );
}

/** Show amounts as bars below each other, against a common whole. */
export function Bars({
  label,
  parts,
  whole,
  format = count,
}: {
  label: string;
  parts: readonly Part[];
  whole: number;
  format?: (value: number) => string;
}) {
  return (
    <ul class="bars" aria-label={label}>
      {parts.map((part) => (
        <li key={part.id} title={part.title}>
          {part.to === undefined ? (
            <span class="bar-label">{part.label}</span>
          ) : (
            <a class="bar-label" href={part.to}>
              <bdi>{part.label}</bdi>
            </a>
          )}
          <span class="track" aria-hidden="true">
            <span class={`fill ${part.colour}`} ref={width(whole === 0 ? 0 : part.value / whole)} />
          </span>
          <span class="number">{format(part.value)}</span>
        </li>
      ))}
    </ul>
  );
}

/** Set an element's width to a share of its parent's; by script, because the policy forbids style attributes. */
export function width(fraction: number): (element: HTMLElement | null) => void {
  return (element) => {
    element?.style.setProperty('width', `${String(Math.max(0, Math.min(1, fraction)) * 100)}%`);
  };
}

function growing(value: number): (element: HTMLElement | null) => void {
  return (element) => {
    element?.style.setProperty('flex-grow', String(value));
  };
}
