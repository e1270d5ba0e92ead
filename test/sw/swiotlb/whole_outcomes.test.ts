/** Boot, restricted pools and free slots with whole outcomes: every number, every line, every step. */
import { describe, expect, test } from "vitest";
import { LogLines } from "../../../src/base/kernel_log.js";
import { Rng } from "../../../src/base/rng.js";
import {
  adjustAreas,
  adjustForEncryption,
  adjustForSmallBuffers,
  allocateEarly,
  allocateLate,
  bootDefaults,
  limitAreas,
} from "../../../src/sw/swiotlb/boot.js";
import { freeAll, freeWords, give, runBefore, runFrom, take } from "../../../src/sw/swiotlb/free_slots.js";
import { allocateShared, type Pages, releaseShared } from "../../../src/sw/swiotlb/pages.js";
import { parseSwiotlb, readParameter } from "../../../src/sw/swiotlb/parameter.js";
import { Pool } from "../../../src/sw/swiotlb/pool.js";
import { before2023, before2024, profileOf, profiles, today, withPages } from "../../../src/sw/swiotlb/profile.js";
import { mappingBytesMaxFor } from "../../../src/sw/swiotlb/request.js";
import { restrictedPool } from "../../../src/sw/swiotlb/restricted.js";

const MiB = 2 ** 20;

describe("boot", () => {
  test.each(["", "0", "127", "128,3", "1000,2,force", ",0", "0x,1", "512,4294967297", "300,noforce"])(
    "what is read of swiotlb=%s",
    (text) => {
      expect([readParameter(text), parseSwiotlb(text, { cpus: 3 })]).toMatchSnapshot();
    },
  );

  test("areas, by slots and by the wish", () => {
    const limited = [1, 2, 3, 8].map((areas) => [127, 128, 255, 256, 383, 384, 1024].map((n) => limitAreas(areas, n)));
    const wished = [0, 1, 2, 3, 4, 2 ** 31, 2 ** 32].map((n) => {
      const { areas, slots, log, steps } = adjustAreas({ ...bootDefaults, slots: 256 }, n);
      return [areas, slots, log, steps];
    });
    expect([limited, wished]).toMatchSnapshot();
  });

  test("sizes that the machine asks for", () => {
    const boots = [bootDefaults, readParameter(",3"), readParameter("512")];
    const made = (b: { slots: number; log: readonly string[]; steps: readonly string[] }) => [b.slots, b.log, b.steps];
    const bytes = [0, 1, 127 * MiB, 1024 * MiB, 1067 * MiB, 4096 * MiB, 17 * 1024 * MiB, 2 ** 40];
    expect(
      bytes.map((n) => boots.map((b) => [made(adjustForEncryption(b, n)), made(adjustForSmallBuffers(b, n))])),
    ).toMatchSnapshot();
  });

  test("early and late, with as much memory as there is", () => {
    const early = (text: string, room: number, o: { needed?: boolean; bugs?: readonly "areas-not-limited"[] } = {}) => {
      const asked: number[] = [];
      const fits = (bytes: number) => asked.push(bytes) > 0 && bytes <= room;
      const { boot, pool } = allocateEarly(readParameter(text), { cpus: 4, fits, needed: true, ...o });
      return [pool, boot.slots, boot.areas, boot.log, boot.steps, asked];
    };
    const late = (text: string, room: number, bytes: number, exists = false) => {
      const asked: number[] = [];
      const fits = (n: number) => asked.push(n) > 0 && n <= room;
      const { boot, pool } = allocateLate(readParameter(text), { bytes, cpus: 4, exists, fits });
      return [pool, boot.slots, boot.areas, boot.log, asked];
    };
    expect([
      early("", 64 * MiB),
      early("", 64 * MiB - 1),
      early("4096,16", 3 * MiB),
      early("4096,16", 3 * MiB, { bugs: ["areas-not-limited"] }),
      early("512", 0),
      early("513", MiB),
      early("noforce", 64 * MiB),
      early("force", 64 * MiB, { needed: false }),
      early("", 64 * MiB, { needed: false }),
    ]).toMatchSnapshot();
    expect([
      late("", 64 * MiB, 64 * MiB),
      late("", 4 * MiB, 60 * MiB),
      late("", 2 * MiB, 2 * MiB + 1),
      late("", MiB, 64 * MiB),
      late("", 64 * MiB, MiB),
      late("", 64 * MiB, 0),
      late(",2", 64 * MiB, 3 * MiB),
      late("noforce", 64 * MiB, 64 * MiB),
      late("", 64 * MiB, 64 * MiB, true),
    ]).toMatchSnapshot();
  });
});

describe("kernels", () => {
  test("their rules", () => {
    expect(profiles).toMatchSnapshot();
  });

  test("which rules a release has, and pages of which size", () => {
    const releases = [
      "6.9.0",
      "6.8.12",
      "6.3",
      "6.2.16",
      "5.19",
      "7.0-rc1",
      "4.4",
      "6",
      "v6.1",
      "",
      "6.12.1-16k",
      "10.1",
    ];
    const said = [...releases, null].map((r) => [r, profileOf(r).id, profileOf(r).rules.pageBytes]);
    expect(said).toMatchSnapshot();
    expect(profileOf("6.6", 65536)).toBe(withPages(before2024, 65536));
    expect(withPages(today, 4096)).toBe(today);
    expect(withPages(before2023, 16384)).toEqual({
      ...before2023,
      rules: { ...before2023.rules, pageBytes: 16384 },
    });
    expect(withPages(today, 16384)).toBe(withPages(today, 16384));
    expect(withPages(today, 16384)).not.toBe(withPages(before2023, 16384));
  });

  test("the largest mapping that a device is told of", () => {
    expect([0, 1, 2047, 2048, 2049, 4095, 65535].map((mask) => 262144 - mappingBytesMaxFor(mask))).toEqual([
      0, 2048, 2048, 2048, 4096, 4096, 65536,
    ]);
  });
});

describe("restricted pools", () => {
  const node = { base: 0x100_0000, bytes: 256 * 2048, properties: [] as string[] };

  test("nodes that the kernel takes, and those that it does not", () => {
    const made = (o: object) => {
      const got = restrictedPool({ ...node, ...o });
      return "pool" in got ? [got.log, got.pool.pool.slots, got.pool.pool.areas, got.pool.pool.start] : got;
    };
    expect([
      made({}),
      made({ bytes: 300 * 2048 + 2047 }),
      made({ properties: ["compatible", "reg"] }),
      ...["reusable", "no-map", "linux,cma-default", "linux,dma-default"].map((p) => made({ properties: ["reg", p] })),
      made({ highMemory: true }),
      made({ highMemory: false }),
    ]).toMatchSnapshot();
  });

  test.each(profiles.map((p) => [p.id, p] as const))("pages of them, %s", (_id, profile) => {
    const outcome = (base: number) => {
      const log = new LogLines();
      const got = restrictedPool({ ...node, base, profile }, log);
      if (!("pool" in got)) throw new Error(got.because);
      const { pool } = got;
      const at = [1, 2048, 4096, 4097, 8192, 12288, 16384, 262144, 262145].map((bytes, n) => {
        const address = pool.allocate(n, bytes, n % 2 === 0 ? 0 : 0xfff);
        return [address < 0 ? address : address - base, pool.pool.used];
      });
      const freed = at.map(([address]) => [address!, pool.free(base + address!), pool.free(base + address!)]);
      return [at.join(" | "), freed.join(" | "), pool.pool.used, log.lines];
    };
    expect([outcome(node.base), outcome(node.base + 2048)]).toMatchSnapshot();
  });
});

test("free slots, against a list of them", () => {
  expect([0, 1, 127, 128, 129, 256].map(freeWords)).toEqual([0, 4, 4, 4, 8, 8]);
  for (const slots of [1, 31, 32, 33, 64, 127, 128, 200, 256]) {
    const words = new Int32Array(freeWords(slots));
    freeAll(words, slots);
    const free = Array.from({ length: words.length * 32 }, (_, s) => s < slots);
    const rng = new Rng(slots);
    for (let step = 0; step < 24; step++) {
      const first = rng.below(slots);
      const room = Math.min(slots, (Math.floor(first / 128) + 1) * 128) - first;
      const count = 1 + (step % 4 === 0 ? room - 1 : rng.below(room));
      const isTaken = step % 2 === 0;
      if (isTaken) take(words, first, count);
      else give(words, first, count);
      free.fill(!isTaken, first, first + count);
      const runs = (slot: number) => {
        let [from, before] = [0, 0];
        while (free[slot + from] && (from === 0 || (slot + from) % 128 !== 0)) from++;
        while ((slot - before) % 128 !== 0 && free[slot - before - 1]) before++;
        return `${from} ${before}`;
      };
      const got = free.map((_, slot) => `${runFrom(words, slot)} ${runBefore(words, slot)}`);
      const wrong = got.findIndex((text, slot) => text !== runs(slot));
      expect([slots, step, wrong]).toEqual([slots, step, -1]);
    }
  }
});

test("pages for pools: shared before use, private again before they are given back", () => {
  const outcome = (o: { encrypted: boolean; sleeps: boolean; leaks: boolean }, no: readonly string[]) => {
    const told: string[] = [];
    const say = (what: string, ...words: number[]) => told.push([what, ...words].join(" ")) > 0 && !no.includes(what);
    const pages: Pages = {
      allocate: (bytes, limit) => (say("allocate", bytes, limit) ? 0x5000 : null),
      release: (address, bytes) => void say("release", address, bytes),
      decrypt: (address, bytes) => say("decrypt", address, bytes),
      encrypt: (address, bytes) => say("encrypt", address, bytes),
      atomic: no.includes("atomic")
        ? null
        : {
            allocate: (bytes, limit) => (say("atomic", bytes, limit) ? 0x6000 : null),
            release: (address, bytes) => say("back", address, bytes),
          },
    };
    const got = allocateShared(pages, { bytes: 8192, limit: 99999, ...o });
    if (got !== null) releaseShared(pages, { address: got, bytes: 8192 });
    return `${JSON.stringify(o)} without ${no.join(", ")}: ${got}, ${told.join("; ")}`;
  };
  const all = [true, false].flatMap((encrypted) =>
    [true, false].flatMap((sleeps) =>
      [true, false].flatMap((leaks) =>
        [[], ["allocate"], ["decrypt"], ["decrypt", "encrypt"], ["back"], ["back", "encrypt"], ["atomic"]].map((no) =>
          outcome({ encrypted, sleeps, leaks }, no),
        ),
      ),
    ),
  );
  expect(all).toMatchSnapshot();
});

describe("what a pool knows of its slots", () => {
  test.each(profiles.map((p) => [p.id, p] as const))("after maps and unmaps, %s", (_id, profile) => {
    const pool = new Pool({ start: 0x10_0000, slots: 384, areas: 2, profile });
    const rng = new Rng(4);
    const lines: string[] = [];
    const alive: [at: number, mask: number][] = [];
    for (let n = 0; n < 40; n++) {
      if (alive.length > 4 && rng.below(3) === 0) {
        const [at, mask] = alive.splice(rng.below(alive.length), 1)[0]!;
        // Sometimes under another mask than it was mapped with: slots stay behind.
        lines.push(`unmap ${at} ${pool.unmap(at, rng.below(2) === 0 ? mask : 0)}`);
      } else {
        const mask = [0, 0xfff, 0x7ff][rng.below(3)]!;
        const alloc = [0, 0, 0xfff][rng.below(3)]!;
        const [low, size] = [rng.below(2 ** 20), 1 + rng.below(9000)];
        const at = pool.map(n, 0, low, size, mask, alloc, [0, 16][rng.below(2)]!);
        if (at >= 0) {
          pool.setTag(at, n);
          alive.push([at, mask]);
        }
        lines.push(`map ${low} ${size} ${mask} ${alloc}: ${at} of ${pool.sizeAt(at)}`);
      }
      const areas = Array.from({ length: pool.areas }, (_, a) => `${pool.areaIndex(a)}/${pool.usedOf(a)}`);
      lines.push(`  ${pool.used} ${pool.hiwater} ${pool.longestRun()} ${areas.join(" ")}`);
    }
    pool.forEachAllocation((head, count, tag) => {
      const left = Array.from({ length: count }, (_, k) => pool.bytesLeft(head + k));
      lines.push(`${head}+${count} tag ${tag} pad ${pool.padSlotsAt(head)} left ${left.join(",")}`);
    });
    const owners = Array.from({ length: 384 }, (_, s) => [pool.ownerHead(s), pool.tagAt(s), pool.freeRun(s)].join(","));
    expect([...lines, owners.join(" ")].join("\n")).toMatchSnapshot();
  });

  test("shapes that no kernel has, and indexes outside an area", () => {
    const shape = (o: object) => {
      try {
        return new Pool({ start: 0, slots: 256, areas: 2, ...o }).areaSlots;
      } catch (e) {
        return (e as Error).message;
      }
    };
    const pool = new Pool({ start: 0, slots: 256, areas: 2 });
    const set = (index: number) => {
      try {
        pool.setAreaIndex(1, index);
        return pool.areaIndex(1);
      } catch (e) {
        return (e as Error).message;
      }
    };
    expect([
      ...[{}, { start: -2048 }, { start: 1024 }, { start: 2 ** 53 }, { start: 0.5 }, { start: Number.NaN }].map(shape),
      ...[{ slots: 0 }, { slots: 1 }, { slots: -1 }, { slots: 1.5 }, { slots: 2 ** 23 + 1 }].map((o) =>
        shape({ areas: 1, ...o }),
      ),
      ...[{ areas: 0 }, { areas: -1 }, { areas: 1.5 }, { areas: 256 }, { areas: 257 }].map(shape),
      ...[0, 127, 128, -1, Number.NaN].map(set),
    ]).toMatchSnapshot();
  });
});
