/** Damaged images, tables of other machines, hostile bits: an answer or one line, never a crash, never without end. */
import { expect, test } from "vitest";
import { inspectImage } from "../../../src/audit/inspect/image/inspect_image.js";
import { unitsFromRegisters } from "../../../src/audit/inspect/registers/units_from_registers.js";
import { walkAnswer } from "../../../src/audit/inspect/walk/walk_device.js";
import { Rng } from "../../../src/base/rng.js";
import { memorySource, openImage, Unreadable } from "../../../src/read/index.js";
import { inspectJson } from "../../../src/report/inspect/inspect_json.js";
import { inspectLines } from "../../../src/report/inspect/inspect_lines.js";
import { inspectSchema } from "../../../src/report/schema/inspect.js";
import { reportOf } from "../../report/inspect/sample_inspection.js";
import { amount } from "../../tier.js";
import { type Capture, captures, imageBytes, inspected, registersText } from "./captured.js";

/** Damages of each image; more with an environment variable. */
const rounds = amount(5, 200);

/** Whatever was found can be printed, and is a valid document; its walks end. */
async function printable(name: Capture, bytes: Uint8Array, text = registersText(name)): Promise<boolean> {
  let found: Awaited<ReturnType<typeof inspected>>;
  try {
    found = await inspected(name, bytes, text);
  } catch (error) {
    expect(error).toBeInstanceOf(Unreadable);
    expect((error as Error).message).not.toContain("\n");
    return false;
  }
  const report = reportOf(found.inspection);
  inspectSchema.parse(JSON.parse([...inspectJson(report)].join("")));
  for (const line of inspectLines(report, { color: false, width: 100 })) expect(line).not.toContain("\u001b");
  for (const d of found.inspection.devices.filter((_, i) => i % 40 === 0)) {
    const asked = { segment: d.segment, requester: d.requester, pasid: d.pasid, iova: 0xfffc_0000n };
    expect(walkAnswer(found, asked).end.kind).toMatch(/page|fault/);
  }
  return true;
}

test.each(captures)("%s with bits flipped anywhere", async (name) => {
  const rng = new Rng(captures.indexOf(name) + 1);
  const whole = imageBytes(name);
  for (let round = 0; round < rounds; round++) {
    const bytes = whole.slice();
    for (let n = 0; n < 1 << (round % 10); n++) bytes[rng.below(bytes.length)]! ^= 1 << rng.below(8);
    await printable(name, bytes);
  }
});

test.each(captures)("%s with whole words replaced in its tables", async (name) => {
  const rng = new Rng(captures.indexOf(name) + 100);
  const whole = imageBytes(name);
  const wordsOf = (bytes: Uint8Array) => new Uint32Array(bytes.buffer, 0, bytes.length >> 2);
  const before = wordsOf(whole.slice());
  const used = [...before.keys()].filter((w) => w > 1024 && before[w] !== 0);
  for (let round = 0; round < rounds; round++) {
    const bytes = whole.slice();
    const words = wordsOf(bytes);
    for (let n = 0; n < 20; n++) {
      const [from, to] = [used[rng.below(used.length)]!, used[rng.below(used.length)]!];
      words[to] = rng.below(3) === 0 ? rng.below(2 ** 32) : words[from]!;
    }
    await printable(name, bytes);
  }
});

test("an image cut anywhere gives what is left, or one line", async () => {
  const whole = imageBytes("vtd-legacy-strict");
  const outcomes = new Set<boolean>();
  for (let length = 0; length < whole.length; length += amount(9001, 3001)) {
    outcomes.add(await printable("vtd-legacy-strict", whole.subarray(0, length)));
  }
  expect(outcomes).toEqual(new Set([true, false]));
});

test("registers of another machine: its tables are not in this image, and that is said", async () => {
  for (const name of captures) {
    for (const other of captures.filter((o) => o !== name)) {
      const { inspection } = await inspected(name, imageBytes(name), registersText(other));
      const troubles = inspection.unitTroubles!.flat().length;
      if (inspection.devices.length === 0) expect(troubles, `${name} with registers of ${other}`).toBeGreaterThan(0);
      expect(await printable(name, imageBytes(name), registersText(other))).toBe(true);
    }
  }
});

test("tables of one kind read as those of another end", async () => {
  const image = await openImage(memorySource("mem.elf", imageBytes("smmuv3")));
  const { units } = unitsFromRegisters("r", registersText("smmuv3"));
  for (const name of captures.filter((c) => c !== "smmuv3")) {
    const [foreign] = unitsFromRegisters("r", registersText(name)).units;
    const unit = { ...foreign!, root: units[0]!.root };
    const { inspection } = inspectImage({ file: "f", image, units: [unit], notes: [] });
    expect(inspection.units).toHaveLength(1);
  }
});
