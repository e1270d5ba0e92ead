/** A piece of a log with what has to be said of it, and what must not be. */
import { expect, test } from "vitest";
import { explainLog } from "../../../../src/audit/index.js";
import { writtenDown } from "../written_down.js";

export interface FaultCase {
  readonly name: string;
  readonly log: string;
  /** Kind and device of each finding, in order. */
  readonly findings: readonly (readonly [kind: string, device: string | null])[];
  /** Parts of the first finding's cause, evidence and advice together. */
  readonly says: readonly string[];
  readonly never?: readonly string[];
}

export function checkAll(cases: readonly FaultCase[]): void {
  test.each(cases)("$name", ({ log, findings, says, never = [] }) => {
    const found = writtenDown(explainLog(log.split("\n")));
    expect(found.map((f) => [f.kind, f.device])).toEqual(findings);
    const said = found.length === 0 ? "" : `${found[0]!.cause} ${found[0]!.evidence} ${found[0]!.do}`;
    for (const part of says) expect(said).toContain(part);
    for (const part of never) expect(said).not.toContain(part);
    for (const f of found) expect(f.do).not.toBe("");
  });
}
