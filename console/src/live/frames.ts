/**
 * Work that never holds up a frame.
 *
 * Changes are collected and applied once per animation frame, in slices of at most `SLICE`
 * milliseconds; what does not fit waits for the next frame. A hidden tab has no frames, so there a
 * timer applies them.
 */

const SLICE = 6;
const HIDDEN_DELAY = 250;

/** Applies items in order, a slice per frame, and tells when a slice is done. */
export class FrameQueue<Item> {
  #items: Item[] = [];
  #next = 0;
  #isScheduled = false;

  constructor(
    private readonly apply: (item: Item) => void,
    private readonly applied: () => void,
  ) {}

  /** Add an item to the end. */
  push(item: Item): void {
    this.#items.push(item);
    this.#schedule();
  }

  /** Add many items to the end. */
  pushAll(items: readonly Item[]): void {
    for (const item of items) this.#items.push(item);
    if (items.length > 0) this.#schedule();
  }

  /** Drop what waits. */
  clear(): void {
    this.#items = [];
    this.#next = 0;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    if (document.hidden) setTimeout(this.#slice, HIDDEN_DELAY);
    else requestAnimationFrame(this.#slice);
  }

  readonly #slice = (): void => {
    this.#isScheduled = false;
    const end = performance.now() + SLICE;
    while (this.#next < this.#items.length && performance.now() < end) {
      const item = this.#items[this.#next];
      this.#next += 1;
      if (item !== undefined) this.apply(item);
    }
    if (this.#next < this.#items.length) this.#schedule();
    else this.clear();
    this.applied();
  };
}
