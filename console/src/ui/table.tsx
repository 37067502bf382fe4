/**
 * A table of thousands of rows of which only those on show exist.
 *
 * To assistive technology it is a grid with its full number of rows. One row at a time takes part in
 * the tab order, and without rows the table itself, so that it can be scrolled; arrow keys, Page Up
 * and Down, Home and End move among the rows, Enter opens one.
 */

import { Component, type ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

import { go } from '../route/route';
import type { Column } from './columns';
import { useIsNarrow } from './narrow';

/** How a table looks and behaves. */
export interface TableProps<Item> {
  readonly label: string;
  readonly columns: readonly Column<Item>[];
  readonly rows: readonly Item[];
  readonly keyOf: (item: Item) => string;
  /** Where a row leads. */
  readonly target: (item: Item) => string | undefined;
  /** The row as two lines, for narrow screens. */
  readonly brief: (item: Item) => ComponentChildren;
  /** When a row changed, by `performance.now()`. */
  readonly changedAt?: (key: string) => number | undefined;
  readonly sorted?: string | undefined;
  readonly sortLinks?: Readonly<Record<string, string>> | undefined;
  /** What stands in place of the rows if there are none. */
  readonly empty: ComponentChildren;
}

const ROW = 36;
const BRIEF_ROW = 62;
const HEAD = 45;
const FRESH = 3_000;

/** The rows that exist begin and end at multiples of this, so that scrolling seldom changes them. */
const STEP = 8;

/** Show a table. It fills the height that its container leaves. */
export function Table<Item>(props: TableProps<Item>) {
  const { columns, rows, keyOf, target, label, brief } = props;
  const isNarrow = useIsNarrow();
  const size = isNarrow ? BRIEF_ROW : ROW;
  const head = isNarrow ? 0 : HEAD;
  const box = useRef<HTMLDivElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const strip = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState(0);
  const wantsFocus = useRef(false);
  const focused = useRef<HTMLElement | null>(null);
  const [first, end] = useRange(box, rows.length, size);
  const last = Math.max(0, rows.length - 1);
  const current = Math.min(active, last);
  const height = rows.length * size;

  useLayoutEffect(() => {
    body.current?.style.setProperty('height', `${String(height)}px`);
  }, [height]);
  useLayoutEffect(() => {
    strip.current?.style.setProperty('transform', `translateY(${String(first * size)}px)`);
  }, [first, size]);
  useLayoutEffect(() => {
    const tracks = isNarrow ? 'minmax(0, 1fr)' : columns.map((column) => column.width).join(' ');
    box.current?.style.setProperty('--tracks', tracks);
    box.current?.style.setProperty('--least', isNarrow ? '0' : leastWidth(columns));
  }, [isNarrow, columns]);
  useEffect(() => {
    const isLost = focused.current?.isConnected === false && document.activeElement === document.body;
    if (!wantsFocus.current && !isLost) return;
    const row = body.current?.querySelector<HTMLElement>(`[data-index="${String(current)}"]`) ?? null;
    if (row !== null) wantsFocus.current = false;
    // If the row with the focus is gone, its place has it, or the table, which hears the keys.
    if (row !== null || isLost) (row ?? box.current)?.focus({ preventScroll: true });
  });

  const move = (index: number): void => {
    const next = Math.max(0, Math.min(last, index));
    wantsFocus.current = true;
    setActive(next);
    if (box.current === null) return;
    // The row may not exist yet; until it does, the table itself hears the keys.
    if (next < first || next >= end) box.current.focus({ preventScroll: true });
    reveal(box.current, next * size, size, head);
  };

  const key = (event: KeyboardEvent): void => {
    const isRow = event.target instanceof HTMLElement && event.target.dataset['index'] !== undefined;
    // Rows move while others come and go: the one with the focus knows where it is.
    const at = isRow ? (indexOf(event.target) ?? current) : current;
    const page = Math.max(1, Math.floor((box.current?.clientHeight ?? ROW) / size) - 2);
    const steps: Partial<Record<string, number>> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: last,
    };
    const step = steps[event.key];
    if (step !== undefined) {
      event.preventDefault();
      move(step);
    } else if (event.key === 'Enter' && (isRow || event.target === box.current)) {
      const item = rows[at];
      const to = item === undefined ? undefined : target(item);
      if (to !== undefined) go(to);
    }
  };

  const time = performance.now();
  return (
    <div
      class={`table ${isNarrow ? 'narrow' : ''}`}
      ref={box}
      tabIndex={rows.length === 0 ? 0 : -1}
      onKeyDown={key}
    >
      <div
        role="grid"
        aria-label={label}
        aria-rowcount={rows.length + 1}
        aria-colcount={isNarrow ? 1 : columns.length}
      >
        <div role="rowgroup" class={isNarrow ? 'hidden' : 'table-head'}>
          <div role="row" aria-rowindex={1} class="table-row">
            {isNarrow ? (
              <div role="columnheader">{label}</div>
            ) : (
              columns.map((column) => (
                <Heading key={column.id} column={column} sorted={props.sorted} sortLinks={props.sortLinks} />
              ))
            )}
          </div>
        </div>
        <div
          role="rowgroup"
          class="table-body"
          ref={body}
          onFocusIn={({ target: element }) => {
            focused.current = element instanceof HTMLElement ? element : null;
            const index = indexOf(element);
            if (index !== undefined && index !== current) setActive(index);
          }}
          onFocusOut={({ target: element }) => {
            queueMicrotask(() => {
              if (focused.current === element && focused.current?.isConnected === true)
                focused.current = null;
            });
          }}
          onClick={(event) => {
            const item = rows[indexOf(event.target) ?? -1];
            if (item !== undefined) open(event, target(item));
          }}
        >
          <div role="presentation" ref={strip}>
            {rows.slice(first, end).map((item, offset) => {
              const id = keyOf(item);
              const changed = props.changedAt?.(id);
              return (
                <Row
                  key={id}
                  item={item}
                  index={first + offset}
                  columns={columns}
                  brief={isNarrow ? brief : undefined}
                  isCurrent={first + offset === current}
                  isFresh={changed !== undefined && time - changed < FRESH}
                />
              );
            })}
          </div>
        </div>
      </div>
      {rows.length === 0 && <div class="table-empty">{props.empty}</div>}
    </div>
  );
}

/** Return the sum of the tracks' least widths, which the browser would have to find in each row. */
function leastWidth<Item>(columns: readonly Column<Item>[]): string {
  const sum = columns.reduce((total, { width }) => total + Number(/[\d.]+(?=rem)/.exec(width)?.[0] ?? 0), 0);
  return `calc(${String(sum)}rem + 12px)`;
}

interface RowProps<Item> {
  readonly item: Item;
  readonly index: number;
  readonly columns: readonly Column<Item>[];
  readonly brief: ((item: Item) => ComponentChildren) | undefined;
  readonly isCurrent: boolean;
  readonly isFresh: boolean;
}

/** A row; it is rendered again only if something of it changed. */
class Row<Item> extends Component<RowProps<Item>> {
  override shouldComponentUpdate(next: RowProps<Item>): boolean {
    const { item, index, columns, brief, isCurrent, isFresh } = this.props;
    return (
      item !== next.item ||
      index !== next.index ||
      columns !== next.columns ||
      brief !== next.brief ||
      isCurrent !== next.isCurrent ||
      isFresh !== next.isFresh
    );
  }

  override render({ item, index, columns, brief, isCurrent, isFresh }: RowProps<Item>) {
    return (
      <div
        role="row"
        aria-rowindex={index + 2}
        data-index={index}
        tabIndex={isCurrent ? 0 : -1}
        class={isFresh ? 'table-row fresh' : 'table-row'}
      >
        {brief !== undefined ? (
          <div role="gridcell" class="brief">
            {brief(item)}
          </div>
        ) : (
          columns.map((column) => (
            <div key={column.id} role="gridcell" class={column.isNumber === true ? 'cell end' : 'cell'}>
              {column.cell(item)}
            </div>
          ))
        )}
      </div>
    );
  }
}

function Heading<Item>({
  column,
  sorted,
  sortLinks,
}: Pick<TableProps<Item>, 'sorted' | 'sortLinks'> & { column: Column<Item> }) {
  const to = sortLinks?.[column.id];
  const isSorted = sorted === column.id;
  const text = (
    <>
      <span class="heading-label">
        {column.label}
        {isSorted && <span aria-hidden="true"> ↓</span>}
      </span>
      {column.windows !== undefined && <span class="heading-windows">{column.windows}</span>}
    </>
  );
  return (
    <div
      role="columnheader"
      class={column.isNumber === true ? 'cell end' : 'cell'}
      {...(isSorted ? { 'aria-sort': 'descending' as const } : {})}
      title={column.windows === undefined ? undefined : `${column.windows} in Windows’ own tools`}
    >
      {to === undefined ? text : <a href={to}>{text}</a>}
    </div>
  );
}

/** Follow a row, unless the click meant a link in it, or selected text. */
function open(event: MouseEvent, to: string | undefined): void {
  if (to === undefined || event.defaultPrevented || event.button !== 0) return;
  if (event.target instanceof Element && event.target.closest('a, button') !== null) return;
  if (getSelection()?.isCollapsed === false) return;
  if (event.metaKey || event.ctrlKey) window.open(to, '_blank', 'noopener');
  else go(to);
}

/** Return which rows exist: those on show, and some before and after them. */
function useRange(box: { current: HTMLDivElement | null }, count: number, size: number): [number, number] {
  const [[first, end], setRange] = useState<[number, number]>([0, 40]);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const look = (): void => {
      const from = Math.max(0, Math.floor(element.scrollTop / size / STEP) - 1) * STEP;
      const to = (Math.ceil((element.scrollTop + element.clientHeight) / size / STEP) + 1) * STEP;
      setRange((before) => (before[0] === from && before[1] === to ? before : [from, to]));
    };
    look();
    const resized = new ResizeObserver(look);
    resized.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    return () => {
      resized.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, [box, size]);
  return [Math.min(first, Math.max(0, count - 1)), Math.min(end, count)];
}

/** Scroll as little as it takes to show a row below the head. */
function reveal(box: HTMLElement, top: number, size: number, head: number): void {
  const room = box.clientHeight - head;
  if (top < box.scrollTop) box.scrollTop = top;
  else if (top + size > box.scrollTop + room) box.scrollTop = top + size - room;
}

function indexOf(target: EventTarget | null): number | undefined {
  const row = target instanceof Element ? target.closest<HTMLElement>('[data-index]') : null;
  return row === null ? undefined : Number(row.dataset['index']);
}
