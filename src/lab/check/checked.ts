/**
 * What a check found: of each machine that was explored what was reached, and the shortest run to what must not be.
 */
import type { ToldStep } from "../../check/universe.js";

export interface CheckedStep {
  readonly actor: string;
  readonly step: string;
  /** What there was to see after it that was not before; "": nothing. */
  readonly detail: string;
  /** What it wrote, cell by cell; empty where programs are run in every order. */
  readonly changes: ToldStep["changes"];
}

export interface CheckedMachine {
  /** "own": of the protocol's parameters; else the bug whose machine it is. */
  readonly name: string;
  /** The bug that was on; null: none. */
  readonly bug: string | null;
  /** Different states; null where programs are run in every order. */
  readonly states: number | null;
  /** Orders that came to their end; null where states are told apart. */
  readonly orders: number | null;
  /** Steps that were taken between states; runs, where programs are run in every order. */
  readonly transitions: number;
  /** All of it was reached: with nothing violated a proof for this machine. */
  readonly complete: boolean;
  readonly bounded: Bounded | null;
  readonly violated: { readonly invariant: string; readonly steps: readonly CheckedStep[] } | null;
  /** What is looked at in every state, or at its end. */
  readonly invariants: readonly string[];
  readonly sometimes: Readonly<Record<string, boolean>>;
  /** What had to be seen and was not: then nothing was shown. */
  readonly unseen: readonly string[];
}

export interface Bounded {
  readonly by: "states" | "bytes" | "seconds" | "runs";
  readonly max: number;
}

/** Nothing is violated, everything was reached, and what must happen did. */
export const isShown = (m: CheckedMachine): boolean => m.complete && m.violated === null && m.unseen.length === 0;
