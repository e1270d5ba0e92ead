/** What a kernel prints: told line by line to who runs it, and kept by him if he wants it. It is no state of who prints. */

/** Whoever a component tells what it would print. Lines have no time stamps. */
export interface KernelLog {
  say(line: string): void;
  /** Only the first of its kind is printed, as `pr_warn_once` does it. @param kind the line itself, unless it is said */
  once(line: string, kind?: string): void;
}

/** Nobody listens. */
export const unheard: KernelLog = { say: () => {}, once: () => {} };

const keptMax = 1000;

/** The first thousand lines, so that what fails for ever does not fill memory. */
export class LogLines implements KernelLog {
  readonly lines: string[] = [];
  readonly #seen = new Set<string>();

  say(line: string): void {
    if (this.lines.length < keptMax) this.lines.push(line);
  }

  once(line: string, kind = line): void {
    if (this.#seen.has(kind)) return;
    this.#seen.add(kind);
    this.say(line);
  }
}
