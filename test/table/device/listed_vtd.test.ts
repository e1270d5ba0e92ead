/** VT-d: the list of devices against single lookups. */
import { describe, expect, it } from "vitest";
import { Rng } from "../../../src/base/index.js";
import { ContextEntry, ScalableContextEntry } from "../../../src/spec/vtd/context_entry.js";
import { PasidDirectoryEntry, PasidEntry } from "../../../src/spec/vtd/pasid.js";
import { RootEntry, ScalableRootEntry } from "../../../src/spec/vtd/root_entry.js";
import { Built, unit } from "./built.js";
import { asked, listed, noDevice, nowhere, type Row } from "./listing.js";

describe("VT-d, legacy", () => {
  const u = unit("vtd", "legacy");
  const rng = new Rng(1);
  const built = new Built()
    .put(0x1000, RootEntry, { p: 1, frame: 2 })
    .put(0x1000 + 7 * 16, RootEntry, { p: 1, frame: 3 })
    .put(0x1000 + 8 * 16, RootEntry, { p: 1, frame: nowhere / 4096 })
    .put(0x1000 + 9 * 16, RootEntry, { p: 1, frame: 2 })
    .bit(0x1000 + 9 * 16, 3)
    .put(0x1000 + 255 * 16, RootEntry, { p: 1, frame: 4 });
  for (let at = 0x2000; at < 0x5000; at += 16) {
    const [p, tt, aw] = [rng.below(2), rng.below(4), rng.below(5)];
    built.put(at, ContextEntry, { p, tt, aw, frame: 9, did: rng.below(65536) });
  }
  it("every device that has an entry, and no other", () => {
    const { rows, troubles } = listed(built, u);
    const all = Array.from({ length: 65536 }, (_, r) => r).filter((r) => r >> 8 !== 9);
    const expected = all.map((r) => asked(built, u, r, null)).filter((r) => !noDevice.test(r.why));
    expect(expected.length).toBeGreaterThan(300);
    expect(rows).toEqual(expected);
    // One more each for the bus whose table lies nowhere, and the one whose root entry is refused.
    expect(troubles.total).toBe(rows.filter((r) => /reserved|does not have/.test(r.why)).length + 2);
    expect(troubles.list.filter((t) => t.kind === "outside").map((t) => t.entryAt)).toEqual([0x1000 + 8 * 16]);
  });
});

describe("VT-d, scalable", () => {
  const u = unit("vtd", "scalable");
  /** @param paside what contexts that take no PASIDs have there, so that a twin shows what they would have */
  const build = (paside: number) => {
    const rng = new Rng(2);
    const built = new Built()
      .put(0x1000, ScalableRootEntry, { lowerP: 1, lower: 2, upperP: 1, upper: 3 })
      .put(0x1000 + 5 * 16, ScalableRootEntry, { upperP: 1, upper: 3 })
      .put(0x1000 + 6 * 16, ScalableRootEntry, { lowerP: 1, lower: nowhere / 4096, upperP: 0 });
    for (let n = 0; n < 6; n++) {
      const context = {
        p: 1,
        paside: n % 2 === 0 ? 1 : paside,
        frame: 0x10 + (n % 3),
        ridPasid: [0, 70, 64, 9000][n % 4]!,
      };
      built.put(0x2000 + n * 5 * 32, ScalableContextEntry, context);
      built.put(0x3000 + (127 - n) * 32, ScalableContextEntry, { ...context, frame: 0x12 - (n % 3), ridPasid: 3 * n });
    }
    built.put(0x2000 + 32, ScalableContextEntry, { p: 1, frame: 0x10 }).bit(0x2000 + 32, 7);
    built.put(0x2000 + 64, ScalableContextEntry, { p: 1, frame: nowhere / 4096 });
    for (let d = 0; d < 3; d++) {
      const at = 0x10000 + d * 0x1000;
      built.put(at, PasidDirectoryEntry, { p: d === 1 ? 0 : 1, frame: 0x20 + d });
      built.put(at + 8, PasidDirectoryEntry, { p: 1, frame: d === 2 ? nowhere / 4096 : 0x23 });
      built.put(at + 127 * 8, PasidDirectoryEntry, { p: 1, frame: 0x24 });
      built.put(at + 3 * 8, PasidDirectoryEntry, { p: 1, frame: 0x24 }).bit(at + 3 * 8, 5);
    }
    for (let at = 0x20000; at < 0x25000; at += 64) {
      const [p, pgtt] = [rng.below(3) === 0 ? 1 : 0, 1 + rng.below(5)];
      built.put(at, PasidEntry, { p, pgtt, aw: 2, fsFrame: 8, ssFrame: 9, did: rng.below(65536) });
    }
    return built;
  };
  const [built, twin] = [build(0), build(1)];
  const devices = [
    0,
    1,
    2,
    5,
    10,
    15,
    20,
    25,
    ...[0x500, 0].flatMap((bus) => [122, 123, 124, 125, 126, 127].map((n) => bus + 0x80 + n)),
  ];

  const ridOf = (requester: number) => {
    const n = (requester & 0x80) === 0 ? requester / 5 : 127 - (requester & 0x7f);
    return (requester & 0x80) === 0 ? [0, 70, 64, 9000][n % 4]! : 3 * n;
  };
  /** By lookups of every PASID; the twin, which takes PASIDs, shows which entries a device has that takes none. */
  const expectedOf = (requester: number): Row[] => {
    const plain = asked(built, u, requester, null);
    if (/^context entry/.test(plain.why)) return [plain];
    const rid = ridOf(requester);
    const rows: Row[] = /lies outside/.test(plain.why) ? [] : [{ ...plain, pasid: rid }];
    for (let pasid = 0; pasid < 8192; pasid++) {
      const { why } = asked(twin, u, requester, pasid);
      if (pasid !== rid && !noDevice.test(why) && !/directory/.test(why)) rows.push(asked(built, u, requester, pasid));
    }
    return rows.toSorted((a, b) => a.pasid! - b.pasid!);
  };
  /** That a device takes no PASIDs its context entry says, and the list besides which entry it has for one. */
  const place = (row: Row): Row => (row.why.startsWith("PASIDE") ? { ...row, at: undefined } : row);

  it("every device with every PASID that has an entry, and the one of requests without, even when it has none", () => {
    const { rows } = listed(built, u);
    const expected = devices.toSorted((a, b) => a - b).flatMap(expectedOf);
    expect(expected.length).toBeGreaterThan(200);
    expect(rows.map(place)).toEqual(expected.map(place));
  });
});
