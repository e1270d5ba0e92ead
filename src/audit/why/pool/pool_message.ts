/** A message about bounce buffers, and how it is explained. */
import type { MachineContext } from "../context.js";
import type { Diagnosis } from "../finding.js";
import type { LogLine } from "../log_line.js";

export interface PoolMessage {
  readonly pattern: RegExp;
  readonly explain: (m: RegExpExecArray, line: LogLine, machine: MachineContext) => Diagnosis | readonly Diagnosis[];
}
