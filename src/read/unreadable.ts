/** What a reader says when bytes are not what they should be. */

/**
 * Thrown when nothing useful can be read. The message is one line: the file, where in it, what was expected and
 * what was found.
 */
export class Unreadable extends Error {
  override readonly name = "Unreadable";
  /** @param where `offset 0x1234`, `line 17`, or "" when the whole file is meant. */
  constructor(file: string, where: string, expected: string, found: string) {
    super(`${file}${where === "" ? "" : `: ${where}`}: expected ${expected}, found ${found}`);
  }
}

/** A part that was left out while the rest was read. Kept to a number by the reader, so that a bad file stays short. */
export interface Warning {
  /** `offset 0x1234`, `line 17`, or "". */
  readonly where: string;
  /** What was expected, what was found, and what was left out. */
  readonly what: string;
}

/** Warnings of one reading: the first ones in full, the others counted. */
export class Warnings {
  readonly list: Warning[] = [];
  /** How many were added in all. */
  total = 0;
  readonly #max: number;

  constructor(max = 20) {
    this.#max = max;
  }

  add(where: string, what: string): void {
    this.total++;
    if (this.list.length < this.#max) this.list.push({ where, what });
  }
}
