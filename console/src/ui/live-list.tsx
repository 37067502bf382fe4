/** A page that is one live table: heading, chips, tools, and the rows that match. */

import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';

import { Collection, type Order, type Source } from '../live/collection';
import { count } from '../format/numbers';
import type { Query } from '../route/route';
import type { Column } from './columns';
import { Chips, terms, type Filter } from './filters';
import { Skeleton } from './panel';
import { Rejected } from './rejected';
import { Table } from './table';
import { Tools } from './tools';

/** What a page of this kind shows. */
export interface LiveListProps<Item> {
  readonly title: string;
  readonly noun: readonly [string, string];
  readonly windows?: string;
  readonly path: readonly string[];
  readonly query: Query;
  readonly filters: readonly Filter[];
  readonly columns: readonly Column<Item>[];
  readonly chosen: Signal<readonly string[]>;
  readonly source: (terms: Record<string, string[]>) => Source<Item>;
  readonly order: Order<Item>;
  readonly target: (item: Item) => string;
  readonly brief: (item: Item) => ComponentChildren;
  readonly sorted?: string | undefined;
  readonly sortLinks?: Readonly<Record<string, string>>;
  /** Seconds after which the list is read again, for what its events do not tell. */
  readonly refresh?: number;
  readonly tools?: ComponentChildren;
  readonly note?: ComponentChildren;
  readonly empty: ComponentChildren;
}

/** Show a live table, and what it takes to find things in it. */
export function LiveList<Item>(props: LiveListProps<Item>) {
  const { title, noun, path, query, filters, columns, chosen, source, order, refresh } = props;
  const wanted = JSON.stringify(terms(query, filters));
  const collection = useMemo(
    () => new Collection<Item>(source(JSON.parse(wanted) as Record<string, string[]>), order),
    // Another order sorts the same collection; see below.
    [wanted, source],
  );

  useEffect(() => {
    collection.start();
    const timer =
      refresh === undefined
        ? undefined
        : setInterval(() => {
            if (!document.hidden && collection.isComplete.value) collection.refresh().catch(() => undefined);
          }, refresh * 1000);
    return () => {
      clearInterval(timer);
      collection.stop();
    };
  }, [collection, refresh]);
  useEffect(() => {
    collection.sort(order);
  }, [collection, order]);

  const chips = useMemo(
    () => <Chips path={path} query={query} filters={filters} />,
    [path.join('/'), query, filters],
  );
  return (
    <>
      <div class="head">
        <h1>
          {title} <Count collection={collection} noun={noun} />
        </h1>
        {props.windows !== undefined && <span class="words">{props.windows}</span>}
        <span class="space" />
        {props.tools}
        <Tools
          table={path.join('-')}
          columns={columns}
          chosen={chosen}
          rows={() => collection.shown.peek().rows}
        />
      </div>
      {chips}
      {props.note}
      <Body {...props} collection={collection} />
    </>
  );
}

function Count<Item>({
  collection,
  noun,
}: {
  collection: Collection<Item>;
  noun: readonly [string, string];
}) {
  const { rows } = collection.shown.value;
  const isComplete = collection.isComplete.value;
  return (
    <span class="count">
      {isComplete || rows.length > 0 ? `${count(rows.length)}${isComplete ? '' : '…'}` : ''}
      <span class="hidden"> {rows.length === 1 ? noun[0] : noun[1]}</span>
    </span>
  );
}

function Body<Item>(props: LiveListProps<Item> & { collection: Collection<Item> }) {
  const { collection, columns, chosen, source } = props;
  const { rows } = collection.shown.value;
  const rejection = collection.rejection.value;
  const shown = useMemo(
    () => columns.filter((column) => chosen.value.includes(column.id)),
    [columns, chosen.value],
  );
  const { key } = useMemo(() => source({}), [source]);
  return (
    <>
      {rejection !== undefined && <Rejected rejection={rejection} isOld={rows.length > 0} />}
      {(rejection === undefined || rows.length > 0) && (
        <Table
          label={props.title}
          columns={shown}
          rows={rows}
          keyOf={key}
          target={props.target}
          brief={props.brief}
          changedAt={(id) => collection.changedAt(id)}
          sorted={props.sorted}
          sortLinks={props.sortLinks}
          empty={collection.isComplete.value ? props.empty : <Skeleton lines={6} />}
        />
      )}
    </>
  );
}
