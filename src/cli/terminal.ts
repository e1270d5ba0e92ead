/** What is known of the terminal, and the progress bar on it. */

export interface Screen {
  readonly color: boolean;
  readonly width: number;
}

/** Colours only on a terminal, never with NO_COLOR (no-color.org) or TERM=dumb. */
export function screen(): Screen {
  const { NO_COLOR, TERM } = process.env;
  const color = process.stdout.isTTY === true && (NO_COLOR === undefined || NO_COLOR === "") && TERM !== "dumb";
  return { color, width: Math.min(160, Math.max(60, process.stdout.columns ?? 100)) };
}

/** A bar on standard error, drawn at most ten times a second and only on a terminal. */
export class Progress {
  readonly #what: string;
  readonly #shown: boolean;
  readonly #begin = Date.now();
  #drawn = 0;

  constructor(what: string) {
    this.#what = what;
    this.#shown = process.stderr.isTTY === true;
  }

  /** @param done 0 to 1 */
  at(done: number): void {
    const now = Date.now();
    if (!this.#shown || now - this.#begin < 500 || now - this.#drawn < 100) return;
    this.#drawn = now;
    const width = 30;
    const full = Math.round(Math.min(1, Math.max(0, done)) * width);
    const left = done > 0.02 ? `, ${Math.ceil(((now - this.#begin) * (1 - done)) / done / 1000)} s left` : "";
    const bar = "█".repeat(full) + "░".repeat(width - full);
    process.stderr.write(`\r\x1b[K${this.#what} ${bar} ${Math.floor(done * 100)} %${left}`);
  }

  done(): void {
    if (this.#shown && this.#drawn > 0) process.stderr.write("\r\x1b[K");
  }
}
