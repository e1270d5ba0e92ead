/**
 * A story as data: who did what, and what was to be seen then. Everything in it was computed by the run that it tells.
 */
import { hex, hexDigits } from "../../base/hex.js";

export interface Fact {
  readonly name: string;
  readonly value: string;
}

export interface Grid {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Step {
  readonly actor: string;
  readonly does: string;
  readonly facts: readonly Fact[];
  readonly grid: Grid | null;
}

/** A rule that was looked at, and whether it held. */
export interface RuleVerdict {
  readonly rule: string;
  readonly holds: boolean;
  /** What was seen. */
  readonly seen: string;
}

/** One run: of the machine as it is, or of one that differs in one thing. */
export interface Part {
  readonly title: string;
  /** A contrast shows how it goes otherwise: its rules may break without the scenario being at fault. */
  readonly contrast: boolean;
  readonly steps: readonly Step[];
  readonly verdicts: readonly RuleVerdict[];
}

/** Writes one part while it runs. */
export class Teller {
  readonly #title: string;
  readonly #contrast: boolean;
  readonly #steps: Step[] = [];
  readonly #verdicts: RuleVerdict[] = [];

  constructor(title: string, contrast = false) {
    this.#title = title;
    this.#contrast = contrast;
  }

  /** @param facts what is to be seen now, by name */
  step(actor: string, does: string, facts: Readonly<Record<string, string>> = {}): void {
    this.#steps.push({
      actor,
      does,
      facts: Object.entries(facts).map(([name, value]) => ({ name, value })),
      grid: null,
    });
  }

  grid(actor: string, does: string, grid: Grid): void {
    this.#steps.push({ actor, does, facts: [], grid });
  }

  rule(rule: string, holds: boolean, seen: string): void {
    this.#verdicts.push({ rule, holds, seen });
  }

  get part(): Part {
    return { title: this.#title, contrast: this.#contrast, steps: this.#steps, verdicts: this.#verdicts };
  }
}

/** An address, a page or a frame as stories name it; a negative number is none. */
export const placeWords = (n: number): string => (n < 0 ? "none" : hex(n));

/** The first bytes of a buffer. */
export const bytesText = (bytes: ArrayLike<number>, count = 8): string =>
  `${Array.from({ length: Math.min(count, bytes.length) }, (_, k) => hexDigits(bytes[k]!, 2)).join(" ")}${bytes.length > count ? " …" : ""}`;
