/** What was asked of a protocol, and what came of it. */
import { type Bounded, type CheckedMachine, isShown } from "../../lab/check/checked.js";
import type { Values } from "../../lab/check/parameter.js";
import type { Protocol } from "../../lab/check/protocol.js";

export interface CheckReport {
  readonly protocol: Protocol;
  readonly bug: string | null;
  /** Of the machine that the protocol's parameters make; null: it was not explored. */
  readonly values: Values | null;
  /** Each that was explored, in order; with a bug: with it, and without it. */
  readonly machines: readonly CheckedMachine[];
}

/** What is asked: with a bug, whether it breaks something; else whether anything can. */
export const judged = ({ bug, machines }: CheckReport): readonly CheckedMachine[] =>
  bug === null ? machines : machines.slice(0, 1);

/** @returns 0 only where all that was asked is shown to hold */
export const checkExitCode = (report: CheckReport): 0 | 1 => (judged(report).every(isShown) ? 0 : 1);

/** What ended a search, in words. */
export function boundedWords({ by, max }: Bounded): string {
  const units = { states: "states", bytes: "bytes of found states", seconds: "seconds", runs: "runs" } as const;
  return `${max.toLocaleString("en-US")} ${units[by]}`;
}
