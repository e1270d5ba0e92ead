/**
 * Long work that stops for a moment now and then: whoever runs it can show how far it is, let others have their turn, and
 * end it there.
 */

/** Gives the share done, 0 to 1, at each stop, and in the end its result. */
export type Paced<T> = Generator<number, T, void>;

/** Do all of it before anything else happens. */
export function atOnce<T>(work: Paced<T>, progress?: (share: number) => void): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
    progress?.(value);
  }
}

/** Work of a caller's as a part of a larger one: what it says of itself counts from `from` to `to`. */
export function* part<T>(work: Paced<T>, from: number, to: number): Paced<T> {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
    yield from + value * (to - from);
  }
}

/** Milliseconds of work after which the event loop gets its turn. */
const breathAfter = 40;

/** When work has gone on for so long that the event loop should have its turn. */
export class Breath {
  readonly #signal: AbortSignal | undefined;
  #last = performance.now();

  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  get isDue(): boolean {
    return performance.now() - this.#last >= breathAfter;
  }

  /** The event loop's turn. @throws the signal's reason once it has been aborted. */
  async turn(): Promise<void> {
    this.#signal?.throwIfAborted();
    await new Promise<void>(later);
    this.#signal?.throwIfAborted();
    this.#last = performance.now();
  }
}

/** Behind what the event loop has at hand: timers, messages, input. */
const later: (then: () => void) => unknown =
  typeof setImmediate === "undefined" ? (then) => setTimeout(then, 0) : (then) => setImmediate(then);
