/** Answers of whose words a test looks at some are compared whole as well, with what was written down. */
import { createHash } from "node:crypto";
import { expect } from "vitest";
import type { Finding } from "../../../src/audit/index.js";

/** A finding in a line: what it is of, and a hash of all that it says. `answers/*.txt` shows whole answers. */
function brief(finding: Finding): string {
  const hash = createHash("sha1").update(JSON.stringify(finding)).digest("hex").slice(0, 8);
  return `${finding.kind} ${finding.device} ${finding.count}: ${hash}`;
}

/** @returns what it was given */
export function writtenDown(findings: readonly Finding[]): readonly Finding[] {
  expect(findings.map(brief).join("\n")).toMatchSnapshot();
  return findings;
}
