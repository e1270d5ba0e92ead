/** Candidates of a scan: which units are made of frames of the right form, and how each is judged, at the edges of every rule. */
import { expect, test } from "vitest";
import { judge } from "../../../src/audit/inspect/scan/judge.js";
import { candidateUnits } from "../../../src/audit/inspect/scan/runs.js";
import { scanImage } from "../../../src/audit/inspect/scan/scan_image.js";
import type { TableParts } from "../../../src/audit/inspect/survey/table_parts.js";
import { DeviceEntry } from "../../../src/spec/amdvi/device_entry.js";
import { L1StreamDescriptor, StreamEntry } from "../../../src/spec/smmuv3/stream_table.js";
import { ContextEntry } from "../../../src/spec/vtd/context_entry.js";
import { RootEntry } from "../../../src/spec/vtd/root_entry.js";
import type { UnitRoot } from "../../../src/table/device/attachment.js";
import { FrameSource } from "../../../src/table/frame_source.js";
import { Built, unit } from "../../table/device/built.js";
import { framesFrom, imageOf, mapAll } from "./built_image.js";

const none: TableParts = { roots: [], devices: [], streams: [], descriptors: [] };
const shape = ({ kind, mode, root, size, split }: UnitRoot) => `${kind} ${mode} ${root / 4096} ${size}/${split}`;
const made = (parts: Partial<TableParts>, isEmpty: (frame: number) => boolean = () => false) =>
  candidateUnits({ ...none, ...parts }, isEmpty)
    .map(shape)
    .join(", ");
/** `16x3 20x1`: frames with the count of their entries that lead on. */
const parts = (text: string) =>
  text.split(" ").map((p) => ({ frame: Number(p.split("x")[0]), count: Number(p.split("x")[1]) }));

test.each(["devices", "streams"] as const)("%s: neighbouring frames are one table, of a power of two", (kind) => {
  const rows = [
    "16x1",
    "16x0",
    "16x0 17x1",
    "16x1 17x0",
    "16x1 17x1",
    "17x1 18x1",
    "16x1 17x1 18x1",
    "17x1 18x1 19x1",
    "16x1 18x1",
    "16x1 19x5 40x2 41x2",
    "15x1 16x1",
    "0x1 511x1",
    "0x1 512x1",
    "0x1 1023x1",
    "0x1 1024x1",
    "1x1 512x1",
    "1x1 1024x1",
    "3x1 9x9",
  ];
  const told = rows.map((row) => {
    const list = { [kind]: parts(row) };
    const few = (frame: number) => frame % 4 !== 3;
    return [row, made(list), made(list, () => true), made(list, few), made(list, (f) => !few(f))].join(" | ");
  });
  expect(told.join("\n")).toMatchSnapshot();
});

test("root tables and descriptors: those with most entries first, and the sizes that they need", () => {
  const root = (frame: number, count: number, scalableOnly = false) => ({ frame, count, scalableOnly });
  const of = (span: number, last: number) => ({ frame: 9, count: 1, span, last });
  const spans = [0, 1, 6, 7, 8, 9, 10, 11].map((span) => made({ descriptors: [of(span, 0)] }));
  const lasts = [0, 1, 63, 64, 255, 256, 1023, 1024, 4095].map((last) =>
    made({ descriptors: [of(7, last), of(11, last)] }),
  );
  const roots = made({ roots: [root(5, 1), root(6, 3, true), root(7, 2), root(8, 3)] });
  expect([...spans, ...lasts, roots].join("\n")).toMatchSnapshot();
  const many = Array.from({ length: 4097 }, (_, n) => ({ frame: 2 * n, count: n }));
  const units = candidateUnits({ ...none, devices: many }, () => false);
  expect([units.length, units[0]!.root, units.at(-1)!.root]).toEqual([4096, 8192 * 4096, 2 * 4096]);
});

const tableOf = (format: "vtd-ss" | "amdvi-v1") =>
  ({ format, address: 0x10000, level: 3, inputBits: 48, upper: "zero", outputBits: 48, allow: 3 }) as const;

/** What the page table at 0x10000 is: with a page, with none, or no table. */
function withTable(look: "filled" | "empty" | "broken", format: "vtd-ss" | "amdvi-v1" = "vtd-ss"): Built {
  const built = new Built();
  built.memory.write(0x10000, new Uint8Array(4096).fill(look === "broken" ? 0xff : 0));
  if (look === "filled")
    mapAll(built.memory, tableOf(format), framesFrom(built.memory, 0x100), [[0, 0x400000, 0x2000]]);
  return built;
}

const verdict = (built: Built, u: UnitRoot) => {
  const told = judge(new FrameSource(built.memory), u);
  if (told === null) return null;
  const { score, frames, requesters, ...rest } = told;
  return { score: score.toFixed(6), ...rest, frames: [...frames].join(" "), requesters: [...requesters].join(" ") };
};

const looks = ["filled", "empty", "broken"] as const;

test("VT-d and AMD-Vi: few and many devices, with what their tables are", () => {
  const rows = looks.flatMap((look) =>
    [0, 1, 2, 5].flatMap((count) =>
      [0, 1, 3].map((wrong) => {
        const vtd = withTable(look).put(0x1000, RootEntry, { p: 1, frame: 2 });
        const amd = withTable(look, "amdvi-v1");
        for (let n = 0; n < count; n++) {
          vtd.put(0x2000 + n * 16, ContextEntry, { p: 1, frame: 0x10, aw: 2, did: 1 });
          amd.put(0x1000 + n * 32, DeviceEntry, { v: 1, tv: 1, mode: 4, frame: 0x10, ir: 1, iw: 1, did: 1 });
        }
        for (let n = 8; n < 8 + wrong; n++) {
          vtd.put(0x2000 + n * 16, ContextEntry, { p: 1, frame: 0x10, aw: 7, did: 1 });
          amd.put(0x1000 + n * 32, DeviceEntry, { v: 1, tv: 1, mode: 7, frame: 0x10, ir: 1, iw: 1, did: 1 });
        }
        vtd.put(0x2000 + 20 * 16, ContextEntry, { p: 1, tt: 2, aw: 2, did: 2 });
        amd.put(0x1000 + 20 * 32, DeviceEntry, { v: 1, tv: 1, mode: 0, ir: 1, iw: 1, did: 2 });
        amd.put(0x1000 + 21 * 32, DeviceEntry, { v: 1, tv: 1, mode: 0, did: 2 });
        return [look, count, wrong, verdict(vtd, unit("vtd", "legacy")), verdict(amd, unit("amdvi", "v1+v2"))];
      }),
    ),
  );
  expect(rows.map((r) => JSON.stringify(r)).join("\n")).toMatchSnapshot();
});

test("SMMUv3: streams that pass, abort, are untidy or translated, in one level and in two", () => {
  const stage = { config: 6, s2Vmid: 1, s2T0sz: 25, s2Sl0: 1, s2Ps: 5, s2Aa64: 1, s2R: 1, s2Ttb: 0x10000 / 16 };
  const streams: readonly Record<string, number>[] = [
    { config: 4 },
    { config: 0 },
    { config: 4, s1Context: 3 },
    { config: 0, s1Context: 3 },
    stage,
    { config: 1 },
    { ...stage, s2Aa64: 0 },
  ];
  const rows = looks.flatMap((look) =>
    streams.flatMap((one, n) =>
      [one, streams[(n + 1) % streams.length]!].map((other) => {
        const built = withTable(look).put(0x8000, L1StreamDescriptor, { span: 7, l2: 0x1000 / 64 });
        built.put(0x1000, StreamEntry, { v: 1, ...one }).put(0x1000 + 64, StreamEntry, { v: 1, ...other });
        const two = unit("smmuv3", "two-level", { root: 0x8000, size: 7, split: 6 });
        return [look, n, verdict(built, unit("smmuv3", "linear", { size: 6 })), verdict(built, two)];
      }),
    ),
  );
  expect(rows.map((r) => JSON.stringify(r)).join("\n")).toMatchSnapshot();
});

test("two root tables for the same devices: the one that is pointed to is in use, and the progress is told in order", async () => {
  const found = (pointers: number) => {
    const built = withTable("filled");
    for (const root of [0x1000, 0x3000]) {
      built.put(root, RootEntry, { p: 1, frame: root / 4096 + 1 });
      for (const n of [3, 4, 5]) built.put(root + 0x1000 + n * 16, ContextEntry, { p: 1, frame: 0x10, aw: 2, did: n });
    }
    const words = new Uint32Array(2 * pointers).map((_, n) => (n % 2 === 0 ? 0x3000 : 0));
    built.memory.write(0x50000, new Uint8Array(words.buffer));
    const told: number[] = [];
    return scanImage(imageOf(built.memory), { progress: (share) => void told.push(share) }).then((all) => ({
      told,
      all,
    }));
  };
  for (const pointers of [0, 1, 5, 6]) {
    const { told, all } = await found(pointers);
    expect(all.map(({ unit: u, ...rest }) => ({ root: u.root, mode: u.mode, ...rest }))).toMatchSnapshot();
    expect(told.toSorted((a, b) => a - b)).toEqual(told);
    expect([told.at(-1), told.some((share) => share > 0.7 && share < 1)]).toEqual([1, told.length > 3]);
    expect(told.map((share) => share.toFixed(3))).toMatchSnapshot();
  }
});
