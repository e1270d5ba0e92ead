/**
 * Why a walk gave no address, in no vendor's words.
 *
 * A fault is a negative number, so that one number carries either a frame or a fault. A nested walk adds who raised it.
 */

export const Fault = {
  /** Nothing is mapped: an entry on the way is not present. */
  absent: -1,
  /** Mapped, but an entry on the way, or the device's entry, does not let reads pass. */
  readRefused: -2,
  writeRefused: -3,
  /** Mapped, but only for requests with privilege. */
  privilege: -4,
  /** Reserved bits are set, or a field holds a reserved value. */
  reserved: -5,
  /** An entry names an address beyond the output's width. */
  addressSize: -6,
  /** The leaf's access flag is clear. */
  accessFlag: -7,
  /** A table lies where there is no memory. */
  outside: -8,
  /** The input address is wider than the table, or not canonical. */
  inputSize: -9,
  /** AMD-Vi v1: a level was skipped and the address is not zero there. */
  skipped: -10,
  /** VT-d: the translation ends in the range of interrupt messages. */
  interruptRange: -11,
} as const;
export type Fault = (typeof Fault)[keyof typeof Fault];
/** What a fault is called. */
export type FaultName = keyof typeof Fault;

/** In a nested walk: the second stage raised it, for the address that the first stage gave. */
export const inSecondStage = -32;
/** In a nested walk: the second stage raised it, for a table of the first stage. */
export const onFirstStageTable = -64;

const names = Object.keys(Fault) as FaultName[];

/** A fault, and which stage raised it. */
export interface FaultParts {
  readonly name: FaultName;
  readonly stage: "only" | "second" | "second-on-table";
}

/** Take a walker's negative answer apart. */
export function faultParts(fault: number): FaultParts {
  const stage = fault <= onFirstStageTable ? "second-on-table" : fault <= inSecondStage ? "second" : "only";
  const base = stage === "only" ? 0 : stage === "second" ? inSecondStage : onFirstStageTable;
  return { name: names[-(fault - base) - 1]!, stage };
}
