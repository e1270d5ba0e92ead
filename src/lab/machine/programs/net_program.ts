/** What all programs of the network tell of themselves. */
import type { Actor } from "../../../sim/actor.js";
import type { ProgramDescription } from "../description/schema.js";
import type { NetLoad } from "../load/net_load.js";
import { packetMax, packetMin } from "../load/net_load.js";
import type { Line, Program } from "./program.js";
import type { RefusalLog } from "./refusal_log.js";

/** Bytes of a packet as a line of the workload asks for them, within what a wire carries. */
export const packetBytes = ({ size }: ProgramDescription) => ({
  from: Math.min(Math.max(size.from, packetMin), packetMax),
  to: Math.min(Math.max(size.to, packetMin), packetMax),
});

/** The last byte of a program's address on the wire. */
export const addressOf = ({ n }: Line): number => n + 1;

/** A program whose load sends and is sent packets, and compares every one. */
export function netProgram(o: {
  readonly line: Line;
  readonly load: NetLoad;
  readonly actors: readonly Actor[];
  /** What a back end refused; null: there is none. */
  readonly refused: RefusalLog | null;
  readonly close: () => void;
}): Program {
  const { load, refused } = o;
  return {
    description: o.line.description,
    actors: o.actors,
    requests: () => ({ issued: load.issued, ended: load.ended, failed: load.failed }),
    bytes: () => ({ written: load.bytesSent, read: load.bytesReceived }),
    wrong: (idle) => [...load.wrong, ...(idle ? load.lost() : [])],
    refusals: () => refused?.texts ?? [],
    refused: () => refused?.count ?? 0,
    notes: () => [],
    close: o.close,
  };
}
