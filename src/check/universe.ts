/** What is explored: a machine, who takes steps in it, and what must hold. */
import type { Actor } from "../sim/actor.js";
import type { MachineState } from "../state/machine_state.js";

export interface Universe {
  /** All that a later step can read. `begin` has not been called. */
  readonly state: MachineState;
  readonly actors: readonly Actor[];
  /** What must hold in every state, by its name. Only looks. */
  readonly always: Readonly<Record<string, () => boolean>>;
  /** What must be seen in some state, so that what holds does not hold for want of anything happening. */
  readonly sometimes: Readonly<Record<string, () => boolean>>;
  /** What must hold where nobody can take a step any more: that nothing waits for ever. Left out: nothing. */
  readonly atRest?: Readonly<Record<string, () => boolean>>;
  /** What there is to see of a state, by name: told with each step of a run. Only looks. */
  readonly facts?: () => Readonly<Record<string, string>>;
}

export interface Limits {
  /** States after which the search is cut. */
  readonly statesMax: number;
  /** Bytes of found states after which the search is cut. */
  readonly bytesMax: number;
  /** Seconds after which it is cut. Left out: none. */
  readonly secondsMax?: number;
}

/** One step of a told run. */
export interface ToldStep {
  readonly actor: string;
  readonly step: string;
  /** What it changed, cell by cell. */
  readonly changes: readonly {
    readonly part: string;
    readonly cell: string;
    readonly from: number;
    readonly to: number;
  }[];
  /** What there was to see after it that was not before. */
  readonly facts: Readonly<Record<string, string>>;
}

/** A shortest run to a state in which something does not hold that must. */
export interface Violation {
  readonly invariant: string;
  readonly steps: readonly ToldStep[];
}

export interface Verdict {
  /** Different states that were reached, and steps that were taken between them. */
  readonly states: number;
  readonly transitions: number;
  /** Steps to the farthest state. */
  readonly depth: number;
  /** States in which nobody can take a step. */
  readonly atRest: number;
  /** True when every state was reached and nothing was violated: then it is a proof for this universe. */
  readonly complete: boolean;
  /** What cut the search; null when nothing did. */
  readonly bounded: { readonly by: "states" | "bytes" | "seconds"; readonly max: number } | null;
  /** A shortest run to a state in which an invariant does not hold; null when none was found. */
  readonly violated: Violation | null;
  /** The same of each invariant that was found broken, in the order in which they were; one at most unless the search went on. */
  readonly violations: readonly Violation[];
  readonly sometimes: Readonly<Record<string, boolean>>;
  /** Bytes that the found states take. */
  readonly bytes: number;
}
