/** The columns of a table, and which of them are on show. */

import { signal, type Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';

/** A column. */
export interface Column<Item> {
  readonly id: string;
  readonly label: string;
  /** The name that Windows' own tools have for it. */
  readonly windows?: string | undefined;
  /** The track of the grid. */
  readonly width: string;
  readonly isNumber?: boolean;
  /** Whether it is on show unless the user chose otherwise. */
  readonly isShown?: boolean;
  readonly cell: (item: Item) => ComponentChildren;
  /** The cell as plain text or a number, for export. */
  readonly text: (item: Item) => string | number | null;
}

/** Which columns of a table are on show; kept for this tab. */
export function chosenColumns<Item>(
  table: string,
  columns: readonly Column<Item>[],
): Signal<readonly string[]> {
  const entry = `sa-contexts.columns.${table}`;
  const known = new Set(columns.map((each) => each.id));
  const stored = (sessionStorage.getItem(entry) ?? '').split(',').filter((each) => known.has(each));
  const usual = columns.filter((each) => each.isShown !== false).map((each) => each.id);
  const chosen = signal<readonly string[]>(stored.length > 0 ? stored : usual);
  chosen.subscribe((value) => {
    if (value.join() === usual.join()) sessionStorage.removeItem(entry);
    else sessionStorage.setItem(entry, value.join());
  });
  return chosen;
}
