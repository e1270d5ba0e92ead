/** A protocol that `check` knows by name: what is asked of it, on which small machines, and which bugs it can have. */
import type { Universe } from "../../check/universe.js";
import type { Parameters, Values } from "./parameter.js";

/** A machine of the reader's own making: every value of `parameters` may be set. */
export interface OwnMachine {
  readonly parameters: Parameters;
  /**
   * @returns how to build it; a string where the values make no machine, in words
   */
  build(values: Values): (() => Universe) | string;
  /**
   * What must be seen in some state of it, of what `sometimes` looks for: where it is not, nothing happened that could have
   * gone wrong.
   */
  mustSee(values: Values): readonly string[];
}

export interface Protocol {
  readonly id: string;
  /** Who does what, in a few words. */
  readonly title: string;
  /** null: it is explored on the machines of its bugs alone. */
  readonly machine: OwnMachine | null;
  /** Historic bugs that are switches of what it runs; each has a machine in which it shows. */
  readonly bugs: readonly string[];
}
