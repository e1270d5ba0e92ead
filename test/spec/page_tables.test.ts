/** Page-table layouts: bit by bit what the documents print, and reserved exactly where they say so. */
import { describe, expect, test } from "vitest";
import type { About } from "../../src/bits/index.js";
import { V1Page, V1Table } from "../../src/spec/amdvi/host_table.js";
import { stage1Leaf, stage1Table, stage2Leaf, stage2Table } from "../../src/spec/smmuv3/descriptor.js";
import { FsPage, FsPage1G, FsPage2M, FsTable, FsUpperTable } from "../../src/spec/vtd/first_stage.js";
import { SsPage, SsPage1G, SsPage2M, SsTable, SsUpperTable } from "../../src/spec/vtd/second_stage.js";

/** 64 letters from bit 63 to bit 0: a field's first letter, `-` ignored, `0` reserved. */
function picture({ fields, reserved }: About): string {
  const bits = new Array<string>(64).fill("-");
  for (const f of fields) for (let b = f.lsb; b <= f.msb; b++) bits[b] = f.name === "frame" ? "F" : f.name[0]!;
  for (const [msb, lsb] of reserved) for (let b = lsb; b <= msb; b++) bits[b] = "0";
  return bits
    .reverse()
    .join("")
    .replace(/(.)\1{3,}/g, (run, c) => `${c}${run.length} `);
}

test.each([
  ["SS upper table", SsUpperTable.$, "-0-10 F40 0--a0-4 xwr"],
  ["SS table", SsTable.$, "-0-10 F40 0--ap-4 xwr"],
  ["SS 1 GiB", SsPage1G.$, "-t-10 F22 018 s-dap-4 xwr"],
  ["SS 2 MiB", SsPage2M.$, "-t-10 F31 09 s-dap-4 xwr"],
  ["SS page", SsPage.$, "-t-10 F40 s-da-5 xwr"],
  ["FS upper table", FsUpperTable.$, "x-11 F40 -e--0-appurp"],
  ["FS table", FsTable.$, "x-11 F40 -e--p-appurp"],
  ["FS 1 GiB", FsPage1G.$, "x-11 F22 017 p-e-gpdappurp"],
  ["FS 2 MiB", FsPage2M.$, "x-11 F31 08 p-e-gpdappurp"],
  ["FS page", FsPage.$, "x-11 F40 -e-gpdappurp"],
  ["AMD v1 table", V1Table.$, "-ii09 F40 nnn---a-4 p"],
  ["AMD v1 page", V1Page.$, "-iifu07 F40 nnn--da-4 p"],
  ["stage 1 page 4K", stage1Leaf(12, 12).$, "-p4 s4 upcdg--F36 nassrunaaakk"],
  ["stage 1 block 2M", stage1Leaf(12, 21).$, "-p4 s4 upcdg--F27 -4 n-4 nassrunaaakk"],
  ["stage 1 page 64K", stage1Leaf(16, 16).$, "-p4 s4 upcdg--F32 f4 nassrunaaakk"],
  ["stage 1 block 512M", stage1Leaf(16, 29).$, "-p4 s4 upcdg--F19 -12 nf4 nassrunaaakk"],
  ["stage 1 table 16K", stage1Table(14).$, "nnnup-11 F34 -12 kk"],
  ["stage 2 page 4K", stage2Leaf(12, 12).$, "-p4 s4 xxcd---F36 fasswrm4 kk"],
  ["stage 2 table 64K", stage2Table(16).$, "-16 F32 f4 -10 kk"],
] as const)("%s", (_, about, want) => {
  expect(picture(about)).toBe(want);
});

describe("a large leaf's frame is its address in units of its size", () => {
  test.each([
    [SsPage1G.frame, 30],
    [SsPage2M.frame, 21],
    [FsPage1G.frame, 30],
    [stage1Leaf(16, 29).frame, 29],
    [stage2Leaf(14, 25).frame, 25],
  ] as const)("%#", (field, lsb) => expect(field.lsb).toBe(lsb));
});
