/** The kernel's code in images of x86-64 and arm64 machines, and what is said where it cannot be told. */
import { describe, expect, test } from "vitest";
import { inspectImage } from "../../../src/audit/inspect/image/inspect_image.js";
import { kernelText } from "../../../src/audit/inspect/image/kernel_text.js";
import { Survey } from "../../../src/audit/inspect/survey/survey.js";
import { Memory } from "../../../src/mem/index.js";
import type { Image } from "../../../src/read/index.js";
import { ContextEntry } from "../../../src/spec/vtd/context_entry.js";
import { RootEntry } from "../../../src/spec/vtd/root_entry.js";
import { Built, unit } from "../../table/device/built.js";
import { whole } from "../../whole.js";
import { framesFrom, imageOf, mapAll } from "./built_image.js";

const memoryFrames = 0x4000;
const put = (memory: Memory, at: number, low: number, high = 0) =>
  memory.write(at, new Uint8Array(Uint32Array.of(low, high).buffer));
const text = (memory: Memory, at: number, lines: readonly string[]) =>
  memory.write(at, new TextEncoder().encode(`${lines.join("\n")}\n`));

/** Kernel at 0x1200000: two blocks of 2 MiB of code, one of data that is not executable. */
function x86(levels: 4 | 5, memory = new Memory(memoryFrames)): Memory {
  const top = 0x100000;
  const first = levels === 5 ? 0x101000 : top;
  if (levels === 5) put(memory, top + 511 * 8, first | 0x63);
  put(memory, first + 511 * 8, 0x102000 | 0x63);
  put(memory, 0x102000 + 510 * 8, 0x103000 | 0x63);
  put(memory, 0x103000 + 8 * 8, 0x1200000 | 0xe1);
  put(memory, 0x103000 + 9 * 8, 0x1400000 | 0xe1);
  put(memory, 0x103000 + 10 * 8, 0x1600000 | 0xe3, 0x8000_0000);
  text(memory, 0x300000, [
    "OSRELEASE=6.12.0",
    "BUILD-ID=00",
    "PAGESIZE=4096",
    "SYMBOL(_stext)=ffffffff81000000",
    "SYMBOL(swapper_pg_dir)=fffffffffff00000",
    "NUMBER(phys_base)=2097152",
    `NUMBER(pgtable_l5_enabled)=${levels - 4}`,
  ]);
  // phys_base of 2 MiB: 0xffffffff81000000 lies at 0x1200000; the top table's symbol must lie at 0x100000.
  const symbol = (0xffff_ffff_8000_0000n + BigInt(top) - 0x200000n).toString(16);
  rewrite(memory, "fffffffffff00000", symbol);
  return memory;
}

function rewrite(memory: Memory, from: string, to: string): void {
  const bytes = new Uint8Array(4096);
  memory.read(0x300000, bytes);
  const all = new TextDecoder().decode(bytes);
  memory.write(0x300000, new TextEncoder().encode(all.replace(from, to)));
}

/** Kernel at 0x2010000 in pages of 4 KiB: two of code, one that privileged code may not execute. */
function arm64(memory = new Memory(memoryFrames)): Memory {
  put(memory, 0x400000 + 256 * 8, 0x401003);
  put(memory, 0x401000, 0x402003);
  put(memory, 0x402000, 0x403003);
  for (let n = 0; n < 2; n++) put(memory, 0x403000 + (16 + n) * 8, (0x2010000 + n * 4096) | 0x783);
  put(memory, 0x403000 + 18 * 8, 0x2012000 | 0x783, 0x20_0000);
  text(memory, 0x300000, [
    "OSRELEASE=6.12.0",
    "PAGESIZE=4096",
    "SYMBOL(_stext)=ffff800000010000",
    "SYMBOL(swapper_pg_dir)=ffff7ffffe400000",
    "NUMBER(VA_BITS)=48",
    "NUMBER(TCR_EL1_T1SZ)=0x10",
    "NUMBER(kimage_voffset)=0xffff7ffffe000000",
  ]);
  return memory;
}

/** What is told is also compared whole with what was written down. */
function kernelTextOf(image: Image) {
  const told = kernelText(image, new Survey(image, { names: false }));
  expect(told).toMatchSnapshot();
  return told;
}

describe("where the kernel's code lies", () => {
  test.each([4, 5] as const)(
    "x86-64 with tables of %d levels: from _stext to the first page that is not executable",
    (levels) => {
      expect(kernelTextOf(imageOf(x86(levels)))).toMatchObject({ place: { from: 0x1200000, to: 0x1600000 } });
    },
  );

  test("arm64", () => {
    expect(kernelTextOf(imageOf(arm64(), "aarch64"))).toMatchObject({ place: { from: 0x2010000, to: 0x2012000 } });
  });

  test("code that does not lie in one piece ends where it breaks", () => {
    const memory = x86(4);
    put(memory, 0x103000 + 9 * 8, 0x3400000 | 0xe1);
    expect(kernelTextOf(imageOf(memory))).toMatchObject({ place: { from: 0x1200000, to: 0x1400000 } });
  });

  const unknown: readonly (readonly [string, (memory: Memory) => void, RegExp])[] = [
    ["no VMCOREINFO", (m) => m.fill(0x300000, 4096, 0), /no VMCOREINFO page/],
    ["no table where it says", (m) => rewrite(m, "SYMBOL(swapper_pg_dir)=", "SYMBOL(other)="), /could not be followed/],
    ["a table in a circle", (m) => put(m, 0x103000 + 8 * 8, 0x103000 | 0x63), /could not be followed/],
    ["numbers that are none", (m) => rewrite(m, "phys_base)=2097152", "phys_base)=0x"), /could not be followed/],
    [
      "an address that no memory has",
      (m) => rewrite(m, "phys_base)=2097152", "phys_base)=-9999999999999999"),
      /could not be followed/,
    ],
  ];
  test.each(unknown)("unknown with %s", (_, break_, says) => {
    const memory = x86(4);
    break_(memory);
    expect(kernelTextOf(imageOf(memory))).toMatchObject({ unknown: expect.stringMatching(says) });
  });
});

test("a device that may write to it is trouble; where it is unknown, that is said", () => {
  const built = new Built()
    .put(0x1000, RootEntry, { p: 1, frame: 2 })
    .put(0x2000 + 0x18 * 16, ContextEntry, { p: 1, frame: 0x10, aw: 2, did: 5 });
  const root = {
    format: "vtd-ss",
    address: 0x10000,
    level: 3,
    inputBits: 48,
    upper: "zero",
    outputBits: 48,
    allow: 3,
  } as const;
  mapAll(built.memory, root, framesFrom(built.memory, 0x1000), [[0, 0x1201000, 0x2000]]);
  function look() {
    const image = imageOf(built.memory);
    const { inspection } = inspectImage({ file: "f", image, units: [unit("vtd", "legacy")], notes: [] });
    expect(whole(inspection)).toMatchSnapshot();
    return inspection;
  }
  expect(look().source.notes!.join()).toMatch(/nothing is said of mappings of it/);
  x86(4, built.memory);
  expect(look().findings.find((f) => f.rule === "kernel-text-writable")).toMatchObject({
    weight: "trouble",
    what: "a device may write to 8 KiB of the kernel's code",
    place: { paddr: 0x1201000, bytes: 4096 },
  });
});
