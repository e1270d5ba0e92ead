/** Equality of what is large: bytes, states, whole documents. */
import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";

/**
 * `expect(got).toEqual(wanted)`, where it holds within a hundredth of the time: Node's comparison, which is stricter,
 * says yes, and only where it says no the matcher is asked, which tells what differs.
 *
 * @param hint what was compared
 */
export function expectEqual(got: unknown, wanted: unknown, hint?: string): void {
  if (!isDeepStrictEqual(got, wanted)) expect(got, hint).toEqual(wanted);
}
