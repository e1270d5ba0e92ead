/** What a reader says when bytes are not what they should be. */
import { countWords } from "../base/count_words.js";

/**
 * Thrown when nothing useful can be read. The message is one line: the file, where in it, what was expected and
 * what was found; where several things are wrong and each can be told, a line for each.
 */
export class Unreadable extends Error {
  override readonly name = "Unreadable";
  /** @param where `offset 0x1234`, `line 17`, or "" when the whole file is meant. */
  constructor(file: string, where: string, expected: string, found: string) {
    super(lineOf(file, { where, expected, found }));
  }

  /** @param most lines; what is more is counted */
  static all(file: string, list: readonly Wrong[], most: number): Unreadable {
    const [first, ...others] = list;
    const error = new Unreadable(file, first!.where, first!.expected, first!.found);
    const lines = others.slice(0, most - 1).map((w) => lineOf(file, w));
    const more = list.length - most;
    if (more > 0) lines.push(`${file}: and ${countWords(more)} more`);
    error.message = [error.message, ...lines].join("\n");
    return error;
  }
}

/** One thing that is wrong in an input. */
export interface Wrong {
  readonly where: string;
  readonly expected: string;
  readonly found: string;
}

const lineOf = (file: string, { where, expected, found }: Wrong): string =>
  `${file}${where === "" ? "" : `: ${where}`}: expected ${expected}, found ${found}`;

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

  /** Parts were left out that hold events. */
  hasHoles = false;

  /** A part was left out that holds events: what is in none of the others may have been in it. */
  hole(where: string, what: string): void {
    this.hasHoles = true;
    this.add(where, what);
  }

  add(where: string, what: string): void {
    this.total++;
    if (this.list.length < this.#max) this.list.push({ where, what });
  }
}
