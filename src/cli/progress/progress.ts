/** How far the command is, shown on standard error and only to a terminal. */
import { Worker } from "node:worker_threads";
import { toAscii } from "../host/ascii.js";
import type { Sink } from "../host/host.js";
import { columnsUsual } from "../host/terminal.js";
import { Cell, clock, type DrawnFor, labelBytesMax, locked, type SharedProgress, shareProgress } from "./shared.js";

/** Something that takes its time. Of several at once the one that began last is shown. */
export interface Progress {
  /** @param share 0 to 1 */
  at(share: number): void;
  done(): void;
}

const unseen: Progress = { at() {}, done() {} };

export class ProgressLine {
  readonly #stderr: Sink;
  readonly #isShown: boolean;
  readonly #signs: boolean;
  /** null until something is to be shown. */
  #shared: SharedProgress | null = null;
  readonly #running: { name: string; begin: number }[] = [];

  /** @param term the terminal's kind: one that is `dumb` cannot take a line back */
  constructor(stderr: Sink, signs: boolean, term: string | undefined) {
    this.#stderr = stderr;
    this.#isShown = stderr.isTerminal && term !== "dumb";
    this.#signs = signs;
  }

  /** @param name what is being done: a file's name, or a few words */
  begin(name: string): Progress {
    if (!this.#isShown) return unseen;
    const { state } = (this.#shared ??= this.#start());
    const own = { name: this.#signs ? name : toAscii(name), begin: clock() };
    this.#running.push(own);
    this.#show();
    return {
      at: (share) => {
        if (this.#running.at(-1) === own) Atomics.store(state, Cell.done, Math.floor(share * 1000));
      },
      done: () => {
        const at = this.#running.indexOf(own);
        if (at < 0) return;
        this.#running.splice(at, 1);
        this.#show();
      },
    };
  }

  /** Leave the terminal as it was. */
  clear(): void {
    this.#running.length = 0;
    if (this.#shared !== null) this.#show();
  }

  #start(): SharedProgress {
    const shared = shareProgress();
    const workerData: DrawnFor = { shared, width: this.#stderr.columns ?? columnsUsual, signs: this.#signs };
    new Worker(new URL("./thread.js", import.meta.url), { workerData }).unref();
    return shared;
  }

  #show(): void {
    const { state, label } = this.#shared!;
    const last = this.#running.at(-1);
    locked(state, () => {
      if (last === undefined && Atomics.exchange(state, Cell.drawn, 0) === 1) this.#stderr.write("\r\u001b[K");
      Atomics.store(state, Cell.shown, last === undefined ? 0 : 1);
      if (last === undefined) return;
      const { written } = new TextEncoder().encodeInto(last.name, label.subarray(0, labelBytesMax));
      Atomics.store(state, Cell.labelBytes, written);
      Atomics.store(state, Cell.done, -1);
      Atomics.store(state, Cell.begin, last.begin);
    });
  }
}
