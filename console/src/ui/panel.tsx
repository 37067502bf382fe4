/** A panel of a page: a heading, perhaps a link to all of it, and content or the reason for none. */

import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

import type { Answer } from '../api/answer';
import { Rejected } from './rejected';

/** Show a panel. */
export function Panel({
  title,
  to,
  more = 'All',
  note,
  wide = false,
  children,
}: {
  title: string;
  to?: string | undefined;
  more?: string;
  note?: ComponentChildren;
  wide?: boolean;
  children: ComponentChildren;
}) {
  const id = useId();
  return (
    <section class={`panel ${wide ? 'wide' : ''}`} aria-labelledby={id}>
      <header class="panel-head">
        <h2 id={id}>{title}</h2>
        {note !== undefined && <span class="soft small">{note}</span>}
        {to !== undefined && (
          <a class="more" href={to}>
            {more}
            <span class="hidden">: {title}</span> <span aria-hidden="true">→</span>
          </a>
        )}
      </header>
      {children}
    </section>
  );
}

/** Show an answer: the content, a placeholder before it, or why there is none. */
export function Answered<Data>({
  answer,
  lines = 4,
  children,
}: {
  answer: Answer<Data>;
  lines?: number;
  children: (data: Data) => ComponentChildren;
}) {
  const { data, rejection, again } = answer;
  return (
    <>
      {rejection !== undefined && <Rejected rejection={rejection} again={again} isOld={data !== undefined} />}
      {data !== undefined ? children(data) : rejection === undefined && <Skeleton lines={lines} />}
    </>
  );
}

/** Show that something is coming. */
export function Skeleton({ lines }: { lines: number }) {
  return (
    <div class="skeleton" aria-busy="true">
      <span class="hidden">Loading</span>
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} class="skeleton-line" />
      ))}
    </div>
  );
}

/** Say that there is nothing, and whether that is good. */
export function Nothing({ children }: { children: ComponentChildren }) {
  return <p class="nothing">{children}</p>;
}
