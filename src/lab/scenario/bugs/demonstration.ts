/** A historic bug as something to run: programs of steps, and the rule that is looked at after each. */

import type { Universe } from "../../../check/universe.js";

/** What a step says of itself; with a judgement, whether the rule held then. */
export type Said = string | Judged;

export interface Judged {
  readonly said: string;
  /** How the rule is broken, or null. */
  readonly broken: string | null;
}

export type Program = Generator<Said, void>;

/** A program whose end is a step too, and says so. */
export type Operation = Generator<Said, string>;

export interface DemonstrationActor {
  readonly name: string;
  readonly program: Program | Operation;
}

export interface World {
  readonly actors: readonly DemonstrationActor[];
  /** Looked at after each step; how the rule is broken now, or null. */
  readonly broken?: () => string | null;
}

export type Demonstration = OfWorld | OfUniverse;

interface OfWorld {
  /** What went wrong, in a few words. */
  readonly title: string;
  /** A fresh world. @param on is the bug on? */
  readonly world: (on: boolean) => World;
}

/** A machine all of whose state is declared: each state is looked at once, however many orders lead to it. */
interface OfUniverse {
  readonly title: string;
  readonly universe: (on: boolean) => Universe;
  /** The name of the rule among those of the universe. */
  readonly rule: string;
}

/** A demonstration of one actor whose steps judge by themselves. */
export function solo(title: string, actor: string, program: (on: boolean) => Program): Demonstration {
  return { title, world: (on) => ({ actors: [{ name: actor, program: program(on) }] }) };
}

export const judge = (said: string, holds: boolean, broken: string): Judged => ({
  said,
  broken: holds ? null : broken,
});
