/** Names and what they have, one below the other. */

import type { ComponentChildren } from 'preact';

/** Show pairs. */
export function Pairs({ children }: { children: ComponentChildren }) {
  return <dl class="pairs">{children}</dl>;
}

/** Show a name, Windows' name for it, and what it has. */
export function Pair({
  label,
  windows,
  children,
}: {
  label: string;
  windows?: string;
  children: ComponentChildren;
}) {
  return (
    <>
      <dt>
        {label}
        {windows !== undefined && <span class="windows">{windows}</span>}
      </dt>
      <dd>{children}</dd>
    </>
  );
}
