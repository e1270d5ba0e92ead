/** Domain changes in sentences, in lines and on the page. */
import { expect, test } from "vitest";
import type { DomainChange, DomainChanges } from "../../../src/audit/recording/changes/change.js";
import { auditSections } from "../../../src/report/recording/lines/audit_lines.js";
import { pageData } from "../../../src/report/recording/page/page_data.js";
import { changeWords, domainChangeWords } from "../../../src/report/recording/words/domain_changes.js";
import { styleFor } from "../../../src/report/text/style.js";
import { calmReport } from "./sample.js";

const change: DomainChange = {
  ...{ time: 16.5, began: 16.4, device: "0000:00:01.0", pasid: 0, how: "attach" },
  from: { kind: "translated", domain: 3 },
  to: { kind: "identity", domain: 1 },
  gap: { atLeast: 0.000_382, atMost: 0.0012 },
  gapNote: null,
  asked: ["context cache (domain 3)", "IOTLB (domain 3)"],
  ...{ order: "kept", orderNote: null, mapped: 0, maps: 0, unmaps: 0 },
};
const none = { count: 0, covered: 0, broken: 0, unknown: [] };
const found = (changes: readonly DomainChange[], more: Partial<DomainChanges> = {}): DomainChanges => ({
  ...{ first: 2, count: changes.length, broken: 0, changes, again: none, ...more },
});

test.each([
  [
    {},
    "16.500000 s  0000:00:01.0: domain 3 to identity; nothing served it for 382 µs to 1.2 ms; told to forget, in this order: " +
      "context cache (domain 3), IOTLB (domain 3)",
  ],
  [
    { gap: { atLeast: 0.0056, atMost: null }, asked: [] },
    "16.500000 s  0000:00:01.0: domain 3 to identity; nothing served it for 5.6 ms at least",
  ],
  [
    { gap: { atLeast: 0, atMost: 0.001 }, asked: [] },
    "16.500000 s  0000:00:01.0: domain 3 to identity; nothing served it for 1 ms at most",
  ],
  [
    { gap: null, gapNote: "the new domain blocks", to: { kind: "blocked", domain: null }, asked: [] },
    "16.500000 s  0000:00:01.0: domain 3 to blocked; gap not shown: the new domain blocks",
  ],
  [
    {
      device: null,
      pasid: 7,
      how: "torn down",
      gap: null,
      gapNote: "x",
      asked: ["IOTLB (all)"],
      order: "broken",
      orderNote: "y",
      mapped: 1,
    },
    "16.500000 s  a device, PASID 7: domain 3 to identity, torn down; gap not shown: x; told to forget, in this order: IOTLB (all) (y); " +
      "1 mapping of it had not ended",
  ],
  [
    {
      from: { kind: "unknown", domain: null },
      to: { kind: "unknown", domain: null },
      gap: null,
      gapNote: "x",
      asked: [],
    },
    "16.500000 s  0000:00:01.0: attached again, to which domain is not shown; gap not shown: x",
  ],
  [
    { asked: [], gap: null, gapNote: "x", maps: 2 },
    "16.500000 s  0000:00:01.0: domain 3 to identity; gap not shown: x; 2 mapped and 0 unmapped meanwhile",
  ],
] as const)("a change, %#", (other, words) => {
  expect(changeWords({ ...change, ...other } as DomainChange)).toBe(words);
});

test("all of them: how many in order, and numbers that serve again", () => {
  const changes = [change, { ...change, order: "unknown", orderNote: "why" }, { ...change, order: "broken" }] as const;
  const again = { count: 4, covered: 2, broken: 1, unknown: [{ count: 1, why: "lost" }] };
  expect(domainChangeWords(found(changes, { broken: 1, again }), 1).slice(1)).toEqual([
    ...["and 2 more", "In 1 change, caches were told to forget in the order that hardware asks for."],
    "In 1 change, caches were not told to forget in the order that hardware asks for.",
    "The order of 1 change is not known: why.",
    "4 numbers of domains served again after the last device had gone: 2 forgotten by the IOTLB in between, 1 not, 1 not known (lost).",
    "Which unit was told is not read: in a machine with several of them neither is shown.",
  ]);
});

test("lines and the page have them where there are any", () => {
  const report = calmReport();
  const of = (domainChanges: DomainChanges) => ({ ...report, audit: { ...report.audit, domainChanges } });
  const titles = (changes: DomainChanges) => auditSections(of(changes), styleFor(false), 100).map(([title]) => title);
  expect(titles(found([change]))).toContain("Domain changes");
  expect(titles(found([]))).not.toContain("Domain changes");
  expect(pageData(of(found([change]))).domainChanges[0]).toBe(changeWords(change));
  expect(pageData(of(found([]))).domainChanges).toEqual([]);
});
