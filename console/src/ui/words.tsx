/** Small pieces of text that mean the same everywhere: addresses, names, states, times, amounts. */

import type { ComponentChildren } from 'preact';

import { ago, localTime, utc } from '../format/times';
import { bytes, rate } from '../format/numbers';
import { now } from '../live/clock';
import { link } from '../route/route';
import { weakness as weaknessIn } from '../words/weaknesses';
import { wordFor, type Kind, type Tone } from '../words/states';

/** The length of the longest address, an IPv6 address with a zone, and some. */
const MAX_ADDRESS = 64;

/** An address: never broken, and never turned round by text of the other direction. */
export function Address({ value, isLink = false }: { value: string | null; isLink?: boolean }) {
  if (value === null) return <None />;
  const shown = value.length > MAX_ADDRESS ? `${value.slice(0, MAX_ADDRESS)}…` : value; // of a wrong URL
  const text = <bdi class="address">{shown}</bdi>;
  return isLink ? <a href={link(['peers', value])}>{text}</a> : text;
}

/** A text of the engine: isolated, so that its direction and marks end with it. */
export function Name({ value }: { value: string | null | undefined }) {
  if (value === null || value === undefined || value === '') return <None />;
  return (
    <bdi class="name" title={value.length > 12 ? value.slice(0, 500) : undefined}>
      {value.length > 400 ? `${value.slice(0, 400)}…` : value}
    </bdi>
  );
}

/** What is not there. */
export function None({ meaning = 'none' }: { meaning?: string }) {
  return (
    <span class="soft">
      <span aria-hidden="true">–</span>
      <span class="hidden">{meaning}</span>
    </span>
  );
}

/** A sign for a tone, by shape as well as by colour. */
export function Sign({ tone }: { tone: Tone }) {
  const shape = {
    good: <circle cx="5" cy="5" r="4" fill="currentColor" />,
    warn: <path d="M5 .8L9.6 9.2H.4z" fill="currentColor" />,
    bad: <path d="M5 .3L9.7 5 5 9.7.3 5z" fill="currentColor" />,
    calm: <circle cx="5" cy="5" r="3.4" fill="none" stroke="currentColor" stroke-width="1.6" />,
  }[tone];
  return (
    <svg class={`sign ${tone}`} width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">
      {shape}
    </svg>
  );
}

/** A state in the API's words, with its sign. */
export function State({ kind, value }: { kind: Kind; value: string }) {
  const word = wordFor(kind, value);
  return (
    <span class={`state ${word.tone}`} data-kind={kind} title={word.meaning}>
      <Sign tone={word.tone} />
      <span class="state-label">{word.label}</span>
    </span>
  );
}

/** A mark with a tone. */
export function Tag({
  tone = 'calm',
  title,
  children,
}: {
  tone?: Tone;
  title?: string;
  children: ComponentChildren;
}) {
  return (
    <span class={`tag ${tone}`} title={title}>
      {children}
    </span>
  );
}

/** The weaknesses of something: the grave ones first. */
export function Weaknesses({ values, limit = 20 }: { values: readonly string[]; limit?: number }) {
  if (values.length === 0) return <None meaning="no weakness" />;
  const sorted = [...values].sort((a, b) => Number(weaknessIn(b).isGrave) - Number(weaknessIn(a).isGrave));
  const rest = sorted.slice(limit);
  return (
    <span class="tags">
      {sorted.slice(0, limit).map((each) => {
        const { label, meaning, isGrave } = weaknessIn(each);
        return (
          <Tag key={each} tone={isGrave ? 'bad' : 'warn'} title={meaning}>
            {label}
          </Tag>
        );
      })}
      {rest.length > 0 && (
        <span class="tag rest" title={rest.map((each) => weaknessIn(each).label).join(', ')}>
          +{rest.length}
        </span>
      )}
    </span>
  );
}

/** A local time; the title has it in UTC. */
export function Time({ value }: { value: string | number | null | undefined }) {
  if (value === null || value === undefined) return <None meaning="unknown" />;
  return (
    <time class="number" dateTime={new Date(value).toISOString()} title={utc(value)}>
      {localTime(value, now.value)}
    </time>
  );
}

/** How long ago something was; the title has the time in UTC. */
export function Ago({ value }: { value: string | number | null | undefined }) {
  if (value === null || value === undefined) return <None meaning="unknown" />;
  return (
    <time
      class="number"
      dateTime={new Date(value).toISOString()}
      title={`${localTime(value)} – ${utc(value)}`}
    >
      {ago(value, now.value)}
    </time>
  );
}

/** An amount of bytes, which the API sends as text because it may exceed a double's whole numbers. */
export function Bytes({ value }: { value: string | number | null }) {
  if (value === null) return <None meaning="unknown" />;
  return (
    <span class="number" title={`${String(value)} bytes`}>
      {bytes(Number(value))}
    </span>
  );
}

/** A rate. */
export function Rate({ value }: { value: number | null }) {
  if (value === null) return <None meaning="unknown" />;
  return <span class={`number ${value === 0 ? 'soft' : ''}`}>{rate(value)}</span>;
}
