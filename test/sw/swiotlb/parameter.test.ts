import { expect, test } from "vitest";
import {
  adjustForEncryption,
  adjustForSmallBuffers,
  allocateEarly,
  allocateLate,
  bootDefaults,
  limitAreas,
} from "../../../src/sw/swiotlb/boot.js";
import { parseSwiotlb, readParameter } from "../../../src/sw/swiotlb/parameter.js";

type Row = readonly [text: string, cpus: number, slots: number, areas: number, mode: string, ignored: string];

const rows: readonly Row[] = [
  ["", 1, 32768, 1, "auto", ""],
  ["", 2, 32768, 2, "auto", ""],
  ["", 3, 32768, 4, "auto", ""],
  ["", 512, 65536, 512, "auto", ""],
  ["512", 1, 512, 1, "auto", ""],
  ["512", 16, 2048, 16, "auto", ""],
  ["1", 1, 128, 1, "auto", ""],
  ["0", 1, 128, 1, "auto", ""],
  ["1000", 1, 1024, 1, "auto", ""],
  ["40000", 2, 65536, 2, "auto", ""],
  ["65536", 4, 65536, 4, "auto", ""],
  ["65536,force", 4, 65536, 4, "force", ""],
  ["65536,8,force", 4, 65536, 8, "force", ""],
  ["65536,7", 4, 65536, 8, "auto", ""],
  ["65536,0", 4, 65536, 1, "auto", ""],
  ["512,8", 1, 1024, 8, "auto", ""],
  [",4", 1, 32768, 4, "auto", ""],
  ["force", 2, 32768, 2, "force", ""],
  [",force", 2, 32768, 2, "force", ""],
  [",,force", 2, 32768, 2, "force", ""],
  [",,,force", 2, 32768, 2, "auto", ",force"],
  ["noforce", 2, 32768, 2, "noforce", ""],
  ["512,noforce", 2, 512, 2, "noforce", ""],
  ["0x400", 1, 1024, 1, "auto", ""],
  ["0X400,0x2", 1, 1024, 2, "auto", ""],
  ["02000", 1, 1024, 1, "auto", ""],
  ["08", 1, 1024, 8, "auto", ""],
  ["0x", 1, 128, 1, "auto", "x"],
  ["64M", 1, 128, 1, "auto", "M"],
  ["65536,2,FORCE", 1, 65536, 2, "auto", "FORCE"],
  ["65536,2,force ", 1, 65536, 2, "auto", "force "],
  ["-1", 1, 32768, 1, "auto", "-1"],
  ["auto", 1, 32768, 1, "auto", ""],
  ["18446744073709551616", 1, 128, 1, "auto", ""],
  ["18446744073709551615", 1, 128, 1, "auto", ""],
  [",4294967296", 1, 32768, 1, "auto", ""],
];

for (const [text, cpus, slots, areas, mode, ignored] of rows) {
  test(`swiotlb=${text} on ${cpus} CPUs is ${slots} slots in ${areas} areas, ${mode}`, () => {
    const got = parseSwiotlb(text, { cpus });
    expect([got.slots, got.areas, got.mode, got.ignored]).toEqual([slots, areas, mode, ignored]);
    expect(got.bytes).toBe(slots * 2048);
  });
}

test("what is rounded is said, in the kernel's words and in ours", () => {
  const got = parseSwiotlb("40000,3", { cpus: 2 });
  expect(got.asked).toEqual({ slots: 40000, areas: 3 });
  expect(got.log).toEqual([
    "software IO TLB: area num 4.",
    "software IO TLB: SWIOTLB bounce buffer size roundup to 128MB",
  ]);
  expect(got.steps).toEqual([
    "40,000 slots are rounded up to 40,064: whole slot sets",
    "3 areas are rounded up to 4",
    "a pool is a power of two: 40,064 slots are rounded up to 65,536",
  ]);
});

test("a long parameter is read as far as a command line goes", () => {
  expect(parseSwiotlb("9".repeat(1_000_000), { cpus: 1 }).ignored).toBe("");
});

test("fewer areas when slot sets are short", () => {
  expect(limitAreas(8, 1024)).toBe(8);
  expect(limitAreas(8, 1023)).toBe(7);
  expect(limitAreas(8, 127)).toBe(1);
});

test("early boot halves the pool until memory has room for it", () => {
  const start = readParameter("65536,64");
  const { boot, pool } = allocateEarly(start, { cpus: 2, needed: true, fits: (bytes) => bytes <= 3 * 2 ** 20 });
  expect(pool).toEqual({ slots: 1024, areas: 8 });
  expect(boot.log.slice(0, 2)).toEqual([
    "software IO TLB: area num 64.",
    "software IO TLB: swiotlb_memblock_alloc: Failed to allocate 134217728 bytes tlb structure",
  ]);
  expect(boot.log.at(-1)).toBe("software IO TLB: SWIOTLB bounce buffer size adjusted 65536 -> 1024 slabs");
});

test("early boot gives up below 1 MiB, and makes no pool that nobody needs", () => {
  const never = { cpus: 2, needed: true, fits: () => false };
  expect(allocateEarly(readParameter(""), never).pool).toBeNull();
  const asked: number[] = [];
  const fits = (bytes: number) => {
    asked.push(bytes);
    return bytes < 2 ** 20;
  };
  const { boot, pool } = allocateEarly(readParameter("2048"), { ...never, fits });
  expect([pool, asked]).toEqual([null, [2 ** 22, 2 ** 21, 2 ** 20]]);
  expect(boot.log.filter((line) => line.includes("Failed to allocate"))).toHaveLength(3);
  expect(allocateEarly(readParameter("2048"), { ...never, fits: (n) => n <= 2 ** 20 }).pool?.slots).toBe(512);
  const always = { cpus: 2, needed: false, fits: () => true };
  expect(allocateEarly(readParameter(""), always).pool).toBeNull();
  expect(allocateEarly(readParameter("force"), always).pool).toEqual({ slots: 32768, areas: 2 });
  expect(allocateEarly(readParameter("noforce"), { ...always, needed: true }).pool).toBeNull();
});

test("late boot takes powers of two of pages, more than 1 MiB", () => {
  const late = { bytes: 60 * 2 ** 20, cpus: 4, exists: false, fits: () => true };
  expect(allocateLate(bootDefaults, late).pool).toEqual({ slots: 32768, areas: 4 });
  const tight = allocateLate(bootDefaults, { ...late, fits: (bytes) => bytes <= 2 ** 22 });
  expect(tight.pool).toEqual({ slots: 2048, areas: 4 });
  expect(tight.boot.log.at(-1)).toBe("software IO TLB: only able to allocate 4 MB");
  expect(allocateLate(bootDefaults, { ...late, fits: (bytes) => bytes <= 2 ** 20 }).pool).toBe(-12);
  expect(allocateLate(bootDefaults, { ...late, exists: true }).pool).toBe(0);
});

test("memory encryption asks for 6 % of memory between 64 MiB and 1 GiB", () => {
  const grown = (gib: number) => adjustForEncryption(bootDefaults, gib * 2 ** 30);
  expect(grown(0.5).slots).toBe(32768);
  expect(grown(4).slots).toBe(125952);
  expect(grown(4).log).toEqual(["software IO TLB: SWIOTLB bounce buffer size adjusted to 245MB"]);
  expect(grown(64).slots).toBe(524288);
  expect(adjustForEncryption(readParameter("512"), 2 ** 36).slots).toBe(512);
  expect(adjustForEncryption(readParameter(",4"), 2 ** 32).slots).toBe(131072);
});

test("arm64 with little memory makes 1 MiB for each GiB, and takes the default's own number for none", () => {
  const made = (text: string, gib: number) => adjustForSmallBuffers(readParameter(text), gib * 2 ** 30);
  expect(made("", 1).slots).toBe(512);
  expect(made("", 1).log).toEqual(["software IO TLB: SWIOTLB bounce buffer size adjusted to 1MB"]);
  expect(made("32768,force", 1)).toMatchObject({ slots: 512, mode: "force" });
  expect([made("16384", 1).slots, made("512", 2).slots, made("", 3).slots, made("", 0.25).slots]).toEqual([
    16384, 512, 1536, 128,
  ]);
});
