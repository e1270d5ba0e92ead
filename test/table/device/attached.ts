/** Attachments as a test states them: every field, and the tables of both stages. */
import { expect, it } from "vitest";
import type { Attachment, UnitRoot } from "../../../src/table/device/attachment.js";
import type { TableRoot } from "../../../src/table/root.js";
import { type Built, lookup } from "./built.js";
import { device } from "./entries.js";

export type Roots = Pick<Attachment, "first" | "second">;
export type Row = readonly [
  what: string,
  built: Built,
  expected: Partial<Attachment>,
  more?: Partial<UnitRoot>,
  pasid?: number,
];

/** A first or a second stage alone: a table, but for what is said of it. */
export const first = (base: TableRoot, more: Partial<TableRoot> = {}): Roots => ({
  first: [{ ...base, ...more }],
  second: null,
});
export const second = (base: TableRoot, more: Partial<TableRoot> = {}): Roots => ({
  first: [],
  second: { ...base, ...more },
});

/**
 * One test for each row; what a row does not name is as in a plain translation of domain 5. What is said of the entries
 * on the way is compared with what was written down.
 */
export function check(base: UnitRoot, rows: readonly Row[]): void {
  for (const [what, built, expected, more = {}, pasid] of rows) {
    it(what, () => {
      const found = lookup(built, { ...base, ...more }, device, pasid ?? null);
      const { why, entries, requester, segment, ...rest } = found as Attachment;
      const said = entries.map((e) => `${e.about.title} at 0x${e.at.toString(16)}: ${e.meaning}`);
      expect([...said, why].join("\n")).toMatchSnapshot();
      expect([requester, segment]).toEqual([device, base.segment]);
      expect(rest).toEqual({
        ...{ pasid: null, state: "translated", domain: 5, stage: null, ats: false, allow: 3, first: [], second: null },
        ...expected,
      });
    });
  }
}
