/** One call of a function: it shows how far it is, lets the event loop have its turn, and ends when its signal says so. */
import { Breath, type Paced } from "../base/paced.js";
import { BadOption, text, type WorkOptions } from "./work_options.js";

export class Work {
  readonly #progress: ((share: number) => void) | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #breath: Breath;
  #from = 0;
  #to = 0;
  #told = 0;

  /** @throws BadOption */
  constructor({ name, progress, signal }: WorkOptions) {
    if (name !== undefined) text("name", name);
    if (progress !== undefined && typeof progress !== "function") {
      throw new BadOption("progress", progress, "a function was expected");
    }
    if (signal !== undefined && typeof signal?.throwIfAborted !== "function") {
      throw new BadOption("signal", signal, "an AbortSignal was expected");
    }
    this.#progress = progress;
    this.#signal = signal;
    this.#breath = new Breath(signal);
  }

  /** The next part begins: what is told counts from the end of the last one to `share` of the whole. */
  part(share: number): void {
    this.#from = this.#to;
    this.#to = share;
  }

  /**
   * So much of the part at hand is done.
   * @returns what to wait for when the event loop is due
   * @throws the signal's reason once it has been aborted
   */
  at(share: number): Promise<void> | undefined {
    this.#tell(share);
    return this.#breath.isDue ? this.#breath.turn() : undefined;
  }

  /** The event loop's turn. @throws the signal's reason once it has been aborted. */
  turn(): Promise<void> {
    return this.#breath.turn();
  }

  /** Do long work as the part at hand. */
  async run<T>(paced: Paced<T>): Promise<T> {
    await this.turn();
    for (;;) {
      const { done, value } = paced.next();
      if (done === true) return value;
      const due = this.at(value);
      if (due !== undefined) await due;
    }
  }

  /** All of it is done. */
  end(): void {
    this.#to = 1;
    this.#tell(1);
  }

  #tell(share: number): void {
    this.#signal?.throwIfAborted();
    const whole = Math.min(1, this.#from + share * (this.#to - this.#from));
    if (whole <= this.#told) return;
    this.#told = whole;
    this.#progress?.(whole);
  }
}
