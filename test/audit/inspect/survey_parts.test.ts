/** What a frame's bits allow it to be, bit by bit, and what units frames of such forms make. */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { candidateUnits } from "../../../src/audit/inspect/scan/runs.js";
import { formsOf } from "../../../src/audit/inspect/survey/forms.js";
import { addParts, mergeParts, noParts, type TableParts } from "../../../src/audit/inspect/survey/table_parts.js";

/** A frame with these words, by their places. */
function frame(words: Readonly<Record<number, number>>): Uint32Array {
  const all = new Uint32Array(1024);
  for (const [at, word] of Object.entries(words)) all[Number(at)] = word;
  return all;
}

const frames: Readonly<Record<string, Readonly<Record<number, number>>>> = {
  "a root, legacy": { 0: 0x2000001, 1: 1, 8: 0x3000001, 1020: 0x4000001 },
  "a root, scalable": { 4: 0x2000001, 6: 0x2001001, 7: 0xfffff },
  "a device table": {
    0: 3,
    1: 0x60000000,
    8: 0x12340603,
    9: 0x6000000f,
    10: 5,
    16: 1,
    24: 0x603,
    25: 0x20000001,
    1016: 3,
    1021: 1,
  },
  "a device table of one that is blocked": { 8: 1, 12: 0x80, 14: 0x8000 },
  "a stream table": { 0: 0x10000b, 2: 5, 16: 9, 32: 1, 48: 0xd, 49: 0x10000 },
  "a stream table that aborts": { 16: 1, 33: 0 },
  "stream descriptors": { 0: 0x2000009, 2: 0x3000006, 3: 1, 1022: 0x4000001 },
  "stream descriptors of all spans": { 2: 0x10000 | 1, 4: 0x10000 | 8, 6: 0x10000 | 11 },
  nothing: {},
  noise: { 0: 0x464c457f, 3: 9 },
};

const code = (words: Uint32Array): string => {
  const forms = formsOf(words);
  return forms === null ? "-" : Object.values(forms).join(",");
};

test.each(Object.entries(frames))("%s, and with each bit of it changed", (_name, words) => {
  const whole = frame(words);
  const rows = [...Array(64).keys(), 1016, 1017, 1020, 1021, 1022, 1023].map((w) => {
    const codes = Array.from({ length: 32 }, (_, bit) => {
      const changed = whole.slice();
      changed[w]! ^= 2 ** bit;
      return code(changed);
    });
    return createHash("sha1").update(codes.join(" ")).digest("hex").slice(0, 5);
  });
  expect([code(whole), rows.join(" ")]).toMatchSnapshot();
});

test("parts are noted as their forms are, and joined in the order of their frames", () => {
  const part = (at: number, ...names: readonly string[]): TableParts => {
    const parts = noParts();
    for (const [n, name] of names.entries()) {
      const words = frame(frames[name]!);
      addParts(parts, at + n, formsOf(words)!, words);
    }
    return parts;
  };
  const first = part(90, "a root, legacy", "a stream table", "stream descriptors");
  const second = part(
    10,
    "a root, scalable",
    "a device table",
    "stream descriptors of all spans",
    "a stream table that aborts",
  );
  expect(mergeParts([first, second])).toMatchSnapshot();
  expect(mergeParts([noParts()])).toEqual(noParts());
});

test("units of frames: neighbours, gaps of zeros, blocks of a power of two", () => {
  const parts = (more: Partial<TableParts>): TableParts => ({ ...noParts(), ...more });
  const at = (...rows: readonly (readonly [frame: number, count: number])[]) =>
    rows.map(([frame, count]) => ({ frame, count }));
  /** @param zeros frames of zeros; all others hold something */
  const units = (more: Partial<TableParts>, ...zeros: readonly number[]) =>
    candidateUnits(parts(more), (f) => zeros.includes(f)).map(
      (u) => `${u.kind} ${u.mode} ${u.root / 4096} ${u.size} ${u.split}`,
    );
  const table = (...rows: readonly (readonly [number, number])[]) => ({ devices: at(...rows), streams: at(...rows) });
  const descriptor = (span: number, last: number) => ({ descriptors: [{ frame: 7, count: 1, span, last }] });
  const few = {
    roots: units({
      roots: [
        { frame: 5, count: 1, scalableOnly: false },
        { frame: 9, count: 3, scalableOnly: true },
      ],
    }),
    one: units(table([8, 1])),
    "two, aligned": units(table([8, 1], [9, 1])),
    "two, not aligned": units(table([9, 1], [10, 1])),
    "two, not aligned, zeros around": units(table([9, 1], [10, 1]), 8, 11),
    "zeros before only": units(table([9, 1], [10, 1]), 8),
    "zeros behind only": units(table([9, 1], [10, 1]), 11),
    "three, a zero behind": units(table([8, 1], [9, 1], [10, 1]), 11),
    three: units(table([8, 1], [9, 1], [10, 1])),
    "a gap of zeros": units(table([8, 1], [11, 1]), 9, 10),
    "a gap": units(table([8, 1], [11, 1]), 9),
    "none leads on": units(table([8, 0], [9, 0])),
    "one of two leads on": units(table([8, 0], [9, 2])),
    "most entries first": units(table([8, 1], [20, 5], [30, 3])),
    "far apart": units(table([0, 1], [511, 1]), ...Array.from({ length: 510 }, (_, k) => k + 1)),
    "too far apart": units(table([0, 1], [512, 1]), ...Array.from({ length: 511 }, (_, k) => k + 1)),
  };
  const spans = [1, 6, 7, 8, 9, 10, 11].flatMap((span) =>
    [0, 1, 255, 256, 511].flatMap((last) => units(descriptor(span, last))),
  );
  expect({ ...few, spans }).toMatchSnapshot();
});
