/** AMD-Vi: the list of devices against single lookups. */
import { describe, expect, it } from "vitest";
import { Rng } from "../../../src/base/index.js";
import { DeviceEntry } from "../../../src/spec/amdvi/device_entry.js";
import { Gcr3Entry } from "../../../src/spec/amdvi/guest_cr3.js";
import { silentRequesters } from "../../../src/table/device/index.js";
import { Built, lookup, unit } from "./built.js";
import { asked, listed, noDevice, type Row } from "./listing.js";

describe("AMD-Vi", () => {
  const u = unit("amdvi", "v1+v2", { root: 0x10000, size: 0x4000 + 96 });
  const rng = new Rng(3);
  const built = new Built();
  // The second page of the table is not there; the last one ends after three entries.
  for (const page of [0, 2, 3]) {
    for (let n = 0; n < 128; n++) {
      if (rng.below(3) === 0) continue;
      const guest = rng.below(4) === 0;
      built.put(0x10000 + page * 4096 + n * 32, DeviceEntry, {
        ...{
          v: rng.below(8) === 0 ? 0 : 1,
          tv: rng.below(8) === 0 ? 0 : 1,
          mode: guest ? 0 : [0, 1, 3, 6, 7][rng.below(5)]!,
        },
        ...{
          frame: guest ? 0 : 9,
          ir: rng.below(4) === 0 ? 0 : 1,
          iw: rng.below(4) === 0 ? 0 : 1,
          did: rng.below(65536),
          i: rng.below(2),
        },
        ...(guest && {
          gv: 1,
          glx: rng.below(4),
          giov: rng.below(2),
          gcr3Low: rng.below(8),
          gcr3Middle: 4 + rng.below(2),
        }),
      });
    }
  }
  for (let n = 0; n < 4; n++)
    built.put(0x14000 + n * 32, DeviceEntry, { v: 1, tv: 1, mode: 1, frame: 9, ir: 1, did: n });
  // GCR3 tables are frames 0x20 to 0x27; those of frames 0x28 to 0x2f are not there.
  for (let table = 0x20; table < 0x28; table++) {
    for (const n of [0, 1, 2, 511]) {
      const frame = [0x20, 0x21, 0x24, 0x29][rng.below(4)]!;
      if (rng.below(3) !== 0) built.put(table * 4096 + n * 8, Gcr3Entry, { v: 1, frame });
    }
  }

  /** Those of the first entries of two levels, of the last ones, and about the limits of one, two and three levels. */
  const pasids = [...Array(1027).keys(), ...[261632, 261633, 262142, 262143, 262144, 262656, 1048575, 1048576]];
  it("every device that has an entry, with every PASID that has a table", () => {
    const { rows } = listed(built, u);
    const expected: Row[] = [];
    for (let r = 0; r < 515; r++) {
      const words = new Uint8Array(32);
      built.memory.read(0x10000 + r * 32, words);
      if (words.every((w) => w === 0)) continue;
      const plain = lookup(built, u, r, null);
      const whole = asked(built, u, r, null);
      const entryOnly = whole.at === undefined || (whole.at >= 0x10000 && whole.at < 0x18000);
      // A GCR3 table that is asked for requests without PASID: they use PASID 0.
      const giov = !entryOnly || ("pasid" in plain && plain.pasid === 0);
      if (!giov && !noDevice.test(whole.why)) expected.push(whole);
      if (giov && /not valid/.test(whole.why)) expected.push({ ...whole, pasid: 0 });
      for (const pasid of pasids) {
        const row = asked(built, u, r, pasid);
        if (!noDevice.test(row.why) && !/request with PASID/.test(row.why) && row.at !== 0x10000 + r * 32)
          expected.push(row);
      }
    }
    const seen = new Set(expected.map((r) => `${r.requester} ${r.pasid}`));
    const among = rows.filter((r) => r.pasid === null || r.pasid < 1027 || seen.has(`${r.requester} ${r.pasid}`));
    expect(expected.length).toBeGreaterThan(200);
    expect(among).toEqual(expected);
  });

  it("silent requesters are those whose entries are there and zeros", () => {
    const silent = silentRequesters(built.memory, u).flatMap(({ first, last }) =>
      Array.from({ length: last - first + 1 }, (_, n) => first + n),
    );
    const zeros = Array.from({ length: 515 }, (_, r) => r).filter((r) => {
      const words = new Uint8Array(32);
      built.memory.read(0x10000 + r * 32, words);
      return (r < 128 || r >= 256) && words.every((w) => w === 0);
    });
    expect(silent).toEqual(zeros);
    expect(silent.length).toBeGreaterThan(80);
    for (const { first, last } of silentRequesters(built.memory, u))
      expect(silent.includes(first - 1) || silent.includes(last + 1)).toBe(false);
  });
});
