/** Random device tables, plausible and damaged, against the slow second reading. */
import { describe, expect, it } from "vitest";
import { Rng } from "../../../src/base/index.js";
import { Memory } from "../../../src/mem/index.js";
import type { Attachment, LookupFault, UnitRoot } from "../../../src/table/device/attachment.js";
import { deviceTables } from "../../../src/table/device/index.js";
import { rootProblem } from "../../../src/table/plan.js";
import { Troubles } from "../../../src/table/trouble.js";
import { amount } from "../../tier.js";
import { unit } from "./built.js";
import { type Asked, amdvi, smmuFirst, vtdLegacy, vtdScalable } from "./naive.js";

const count = amount(2, 300);
const lookups = 400;
const frames = 24;

/** Memory in which frames 1 to 23 are tables; pointers lead among them, mostly. */
class Soup {
  readonly memory = new Memory(64);
  readonly rng: Rng;
  constructor(seed: number) {
    this.rng = new Rng(seed);
  }

  /** Below `n`, or now and then anything of `bits` bits. */
  small(n: number, bits: number): bigint {
    return this.rng.below(12) === 0 ? this.any(bits) : BigInt(this.rng.below(n));
  }
  any(bits: number): bigint {
    const low = BigInt(this.rng.below(2 ** 32)) | (BigInt(this.rng.below(2 ** 32)) << 32n);
    return low & ((1n << BigInt(bits)) - 1n);
  }
  /** Frame number of a table, now and then of nothing. */
  frame(first = 1, last = frames - 1): bigint {
    const n = this.rng.below(40);
    return n === 0 ? this.any(40) : n === 1 ? 50n : BigInt(first + this.rng.below(last - first + 1));
  }
  yes(outOf = 16): bigint {
    return this.rng.below(outOf) === 0 ? 0n : 1n;
  }
  /** One bit at a random place, now and then. */
  dirt(bits: number): bigint {
    return this.rng.below(10) === 0 ? 1n << BigInt(this.rng.below(bits)) : 0n;
  }
  put(at: number, value: bigint, bytes: number): void {
    const out = new Uint8Array(bytes);
    for (let n = 0; n < bytes; n++) out[n] = Number((value >> BigInt(8 * n)) & 255n);
    this.memory.write(at, out);
  }
  /** Fill every frame with structures of one kind; frame 1 with another. */
  fill(bytes: number, make: () => bigint, rootBytes: number, makeRoot: () => bigint): this {
    for (let f = 1; f < frames; f++) {
      const [size, maker] = f === 1 ? [rootBytes, makeRoot] : [bytes, make];
      for (let at = 0; at < 4096; at += size) this.put(f * 4096 + at, maker(), size);
    }
    return this;
  }
}

/** Lists of what may stand anywhere: a frame is read as one thing by one entry and as another by the next. */
const one = (s: Soup, ...makers: (() => bigint)[]) => makers[s.rng.below(makers.length)]!();

const pointer = (s: Soup, first?: number, last?: number) => s.yes() | (s.frame(first, last) << 12n) | s.dirt(64);
const legacyContext = (s: Soup) =>
  s.yes() | (s.any(2) << 2n) | (s.frame() << 12n) | (s.small(4, 3) << 64n) | (s.any(16) << 72n) | s.dirt(128);
const scalableContext = (s: Soup) =>
  s.yes() | (s.any(2) << 2n) | (s.small(2, 3) << 9n) | (s.frame(6, 9) << 12n) | (s.small(600, 20) << 64n) | s.dirt(256);
const pasidEntry = (s: Soup) =>
  s.yes() |
  (s.small(4, 3) << 2n) |
  (s.small(5, 3) << 6n) |
  (s.frame() << 12n) |
  (s.any(16) << 64n) |
  (s.small(2, 2) << 130n) |
  (s.frame() << 140n) |
  s.dirt(512);
const deviceEntry = (s: Soup) =>
  s.yes() |
  (s.yes() << 1n) |
  (s.any(3) << 9n) |
  (s.frame() << 12n) |
  (s.any(2) << 54n) |
  (s.small(2, 2) << 56n) |
  (s.any(2) << 61n) |
  (s.any(16) << 64n) |
  (s.any(1) << 96n) |
  gcr3(s.frame()) |
  (s.small(2, 2) << 182n) |
  s.dirt(128);
const gcr3 = (frame: bigint) =>
  ((frame & 7n) << 58n) | (((frame >> 3n) & 0xffffn) << 80n) | (((frame >> 19n) & 0x1fffffn) << 107n);
const guestPointer = (s: Soup) => s.yes() | (s.frame() << 12n) | s.dirt(64);
const streamEntry = (s: Soup) =>
  s.yes() |
  (s.small(2, 3) << 1n) |
  (2n << 2n) |
  (s.any(2) << 4n) |
  (s.frame() << 12n) |
  (s.small(9, 5) << 59n) |
  (s.any(2) << 64n) |
  (s.small(1, 2) << 92n) |
  s.dirt(256);
const contextDescriptor = (s: Soup) =>
  (16n + s.small(24, 5)) |
  (s.small(3, 2) << 6n) |
  (s.any(1) << 14n) |
  ((16n + s.small(24, 5)) << 16n) |
  (s.any(2) << 22n) |
  (s.any(1) << 30n) |
  (s.yes() << 31n) |
  (s.any(3) << 32n) |
  (s.yes() << 41n) |
  (s.any(1) << 43n) |
  (s.any(16) << 48n) |
  (s.any(28) << 68n) |
  (s.any(28) << 132n) |
  s.dirt(192);

interface Family {
  readonly name: string;
  readonly unit: UnitRoot;
  readonly naive: (asked: Asked) => string;
  readonly words: (found: Attachment) => string;
  readonly make: (s: Soup) => Soup;
  readonly requesters: number;
  readonly pasids: number;
}

const second = (a: Attachment) =>
  a.second === null
    ? ""
    : `second ${a.second.format}@${a.second.address} level ${a.second.level} of ${a.second.inputBits}`;

const families: Family[] = [
  {
    name: "VT-d legacy",
    unit: unit("vtd", "legacy", { outputBits: 46 }),
    naive: vtdLegacy,
    words: (a) =>
      a.state === "identity" ? `identity ${a.domain}` : `translated ${a.domain} ats ${a.ats} ${second(a)}`,
    make: (s) =>
      s.fill(
        16,
        () => legacyContext(s),
        16,
        () => (pointer(s) & ((1n << 64n) - 1n)) | (s.rng.below(20) === 0 ? 1n << 70n : 0n),
      ),
    requesters: 65536,
    pasids: 2,
  },
  {
    name: "VT-d scalable",
    unit: unit("vtd", "scalable", { outputBits: 46 }),
    naive: vtdScalable,
    words: (a) => {
      if (a.state === "identity") return `identity ${a.domain} pasid ${a.pasid}`;
      const first = a.first.map((t) => `first ${t.format}@${t.address} level ${t.level} out ${t.outputBits} `).join("");
      return `translated ${a.domain} pasid ${a.pasid} ats ${a.ats} ${first}${second(a)}`;
    },
    make: (s) => {
      s.fill(
        64,
        () => pasidEntry(s),
        16,
        () => pointer(s, 2, 5) | (pointer(s, 2, 5) << 64n),
      );
      for (let at = 0x2000; at < 0x6000; at += 32) s.put(at, scalableContext(s), 32);
      for (let at = 0x6000; at < 0xa000; at += 8) s.put(at, pointer(s, 10), 8);
      return s;
    },
    requesters: 65536,
    pasids: 9000,
  },
  {
    name: "AMD-Vi",
    unit: unit("amdvi", "v1+v2", { outputBits: 46, size: 0x8000 }),
    naive: amdvi,
    words: (a) => {
      if (a.state === "bypass") return "bypass";
      if (a.stage === "nested") return "nested";
      if (a.state === "blocked") return `blocked ${a.domain}`;
      if (a.state === "identity") return `identity ${a.domain} allow ${a.allow}`;
      const first = a.first
        .map((t) => `pasid ${a.pasid} first ${t.format}@${t.address} level ${t.level} allow ${t.allow}`)
        .join("");
      return `translated ${a.domain} ats ${a.ats} ${first}${second(a)}`;
    },
    make: (s) => {
      s.fill(
        8,
        () => guestPointer(s),
        32,
        () => deviceEntry(s),
      );
      for (let f = 2; f < 9; f++) for (let at = 0; at < 4096; at += 32) s.put(f * 4096 + at, deviceEntry(s), 32);
      return s;
    },
    requesters: 1024,
    pasids: 1024,
  },
  {
    name: "SMMUv3",
    unit: unit("smmuv3", "linear", { outputBits: 46, size: 6 }),
    naive: smmuFirst,
    words: (a) => {
      if (a.state === "bypass" || (a.state === "blocked" && a.domain === null)) return a.state;
      if (a.state === "blocked") return `blocked ${a.domain}`;
      if (a.second !== null) return "second";
      const first = a.first.map(
        (t) => `first ${t.format}@${t.address} level ${t.level} of ${t.inputBits} out ${t.outputBits}`,
      );
      return `translated ${a.domain} ats ${a.ats} ${first.join(" ")}`;
    },
    make: (s) =>
      s.fill(
        64,
        () =>
          one(
            s,
            () => contextDescriptor(s),
            () => contextDescriptor(s),
            () => directoryOf(s),
          ),
        64,
        () => streamEntry(s),
      ),
    requesters: 70,
    pasids: 600,
  },
];

/** Eight pointers in a row. */
function directoryOf(s: Soup): bigint {
  let all = 0n;
  for (let n = 0n; n < 8n; n++) all |= (pointer(s) & ((1n << 64n) - 1n)) << (64n * n);
  return all;
}

function words(family: Family, found: Attachment | LookupFault): string {
  if ("code" in found) return found.code === null ? "unread" : `fault ${found.code}`;
  return family.words(found);
}

describe.each(families)("random tables of $name", (family) => {
  it(`${count} times ${lookups} lookups are as the second reading has them`, () => {
    const seen = new Map<string, number>();
    for (let seed = 1; seed <= count; seed++) {
      const soup = family.make(new Soup(seed));
      for (let n = 0; n < lookups; n++) {
        const requester = soup.rng.below(family.requesters);
        const pasid = soup.rng.below(2) === 0 ? null : soup.rng.below(family.pasids);
        const asked = { memory: soup.memory, root: 0x1000, width: 46, requester, pasid };
        const expected = family.naive(asked);
        const answer = deviceTables[family.unit.kind].lookup(soup.memory, family.unit, requester, pasid);
        const found = words(family, answer);
        // Whatever the tables say, what is handed on is a table that can be walked.
        if (!("code" in answer)) {
          for (const r of [...answer.first, answer.second]) if (r !== null) expect(rootProblem(r)).toBeNull();
        }
        // Nested and second-stage streams have tests of their own.
        if (expected === "nested" || expected === "second") continue;
        if (found !== expected)
          expect({ seed, requester, pasid, found }).toEqual({ seed, requester, pasid, found: expected });
        const kind = expected
          .split(" ")
          .slice(0, expected.startsWith("fault") ? 2 : 1)
          .join(" ");
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
      }
    }
    // The tables were worth reading: good answers and several faults came up.
    expect(seen.get("translated")).toBeGreaterThan(5 * count);
    expect(seen.size).toBeGreaterThan(6);
  });

  it("lists what lookups give, and ends", () => {
    for (let seed = 1; seed <= Math.ceil(count / 12); seed++) {
      const soup = family.make(new Soup(seed));
      const list = deviceTables[family.unit.kind].attachments(soup.memory, family.unit, new Troubles());
      expect(list.length).toBeGreaterThan(0);
      for (const a of list.slice(0, 60)) {
        if (a.pasid !== null || a.state === "blocked") continue;
        expect(deviceTables[family.unit.kind].lookup(soup.memory, family.unit, a.requester, null)).toEqual(a);
      }
      const order = list.map((a) => a.requester);
      expect(order).toEqual(order.toSorted((x, y) => x - y));
    }
  });
});
