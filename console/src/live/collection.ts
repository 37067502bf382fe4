/**
 * A list that is kept up to date: all pages of a snapshot, then the changes since.
 *
 * Items are kept in order by binary search, so that a change costs little in a list of thousands.
 */

import { signal } from '@preact/signals';

import type { Rejection } from '../api/rejection';
import type { Change, Open } from './events';
import { endFollowing, follow } from './follow';
import { FrameQueue } from './frames';

/** A page of a list. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextCursor?: string;
  readonly snapshot: { readonly epoch: string; readonly revision: number; readonly takenAt: string };
}

/** What a change does to the list. */
export type Effect<Item> =
  | { readonly put: Item; readonly revision: number }
  | { readonly remove: string; readonly revision: number }
  | undefined;

/** Where a list comes from. */
export interface Source<Item> {
  readonly page: (cursor: string | undefined, maxAge: number, signal: AbortSignal) => Promise<Page<Item>>;
  readonly open: Open;
  readonly effect: (change: Change, find: (key: string) => Item | undefined) => Effect<Item>;
  readonly key: (item: Item) => string;
}

/** The order of a list. */
export type Order<Item> = (a: Item, b: Item) => number;

const MAX_MARKS = 500;

/** How old the snapshot that a list begins with may be, in seconds: its events bring it up to date. */
const MAX_AGE = 60;

/** A list and its changes. */
export class Collection<Item> {
  /** The items in order. Each change is another object, but with the same array: do not keep it. */
  readonly shown = signal<{ readonly rows: readonly Item[] }>({ rows: [] });
  /** Whether the list is complete. */
  readonly isComplete = signal(false);
  readonly rejection = signal<Rejection | undefined>(undefined);

  readonly #rows: Item[] = [];
  readonly #byKey = new Map<string, Item>();
  readonly #changed = new Map<string, number>();
  readonly #queue: FrameQueue<() => void>;
  #revision = -1;
  #isReplacing = false;
  readonly #abort = new AbortController();

  constructor(
    private readonly source: Source<Item>,
    private order: Order<Item>,
  ) {
    this.#queue = new FrameQueue(
      (step) => {
        step();
      },
      () => {
        this.#show();
      },
    );
  }

  /** Return when an item changed, if that was lately. */
  changedAt(key: string): number | undefined {
    return this.#changed.get(key);
  }

  /** Put the items in another order. */
  sort(order: Order<Item>): void {
    if (order === this.order) return;
    this.order = order;
    this.#rows.sort(order);
    this.#show();
  }

  /** Begin to list and to follow. */
  start(): void {
    void follow(
      {
        begin: (isAfterReset, abort) => this.#list(isAfterReset ? 0 : MAX_AGE, abort),
        open: this.source.open,
        change: (change) => {
          this.#queue.push(() => {
            this.#apply(change);
          });
        },
        rejected: (rejection) => {
          this.rejection.value = rejection;
        },
      },
      this.#abort.signal,
    );
  }

  /** End for good. */
  stop(): void {
    this.#abort.abort();
    this.#queue.clear();
    endFollowing();
  }

  /** Read the list again, for what its events do not tell. */
  async refresh(): Promise<void> {
    let cursor: string | undefined;
    do {
      const page = await this.source.page(cursor, MAX_AGE, this.#abort.signal);
      this.#queue.pushAll(
        page.items.map((item) => () => {
          if (this.#byKey.has(this.source.key(item))) this.#put(item);
        }),
      );
      cursor = page.nextCursor;
    } while (cursor !== undefined && !this.#abort.signal.aborted);
  }

  #show(): void {
    this.shown.value = { rows: this.#rows };
  }

  async #list(maxAge: number, abort: AbortSignal): Promise<string> {
    let cursor: string | undefined;
    let position = '';
    const keys = new Set<string>();
    this.#isReplacing = this.#rows.length > 0;
    do {
      const page = await this.source.page(cursor, maxAge, abort);
      for (const item of page.items) keys.add(this.source.key(item));
      this.#queue.pushAll(
        page.items.map((item) => () => {
          this.#put(item);
        }),
      );
      position = `${page.snapshot.epoch}-${String(page.snapshot.revision)}`;
      this.#revision = page.snapshot.revision;
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    this.#queue.push(() => {
      if (this.#isReplacing) {
        for (const key of [...this.#byKey.keys()]) if (!keys.has(key)) this.#remove(key);
      }
      this.isComplete.value = true;
    });
    return position;
  }

  #apply(change: Change): void {
    const effect = this.source.effect(change, (key) => this.#byKey.get(key));
    if (effect === undefined || effect.revision <= this.#revision) return;
    if ('put' in effect) {
      this.#put(effect.put);
      this.#mark(this.source.key(effect.put));
    } else this.#remove(effect.remove);
  }

  #put(item: Item): void {
    const key = this.source.key(item);
    const before = this.#byKey.get(key);
    this.#byKey.set(key, item);
    if (before !== undefined) {
      const index = this.#indexOf(before);
      if (this.order(before, item) === 0) {
        this.#rows[index] = item;
        return;
      }
      this.#rows.splice(index, 1);
    }
    this.#rows.splice(this.#placeOf(item), 0, item);
  }

  #remove(key: string): void {
    const item = this.#byKey.get(key);
    if (item === undefined) return;
    this.#byKey.delete(key);
    this.#changed.delete(key);
    this.#rows.splice(this.#indexOf(item), 1);
  }

  #mark(key: string): void {
    this.#changed.delete(key);
    this.#changed.set(key, performance.now());
    if (this.#changed.size <= MAX_MARKS) return;
    for (const oldest of this.#changed.keys()) {
      this.#changed.delete(oldest);
      break;
    }
  }

  /** Return the place of the first item that is not before another. */
  #placeOf(item: Item): number {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#rows[middle];
      if (other !== undefined && this.order(other, item) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #indexOf(item: Item): number {
    let index = this.#placeOf(item);
    while (index < this.#rows.length && this.#rows[index] !== item) index += 1;
    return index < this.#rows.length ? index : this.#rows.indexOf(item);
  }
}
