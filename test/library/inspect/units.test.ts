/** Where nobody says where tables are and none are found: what the firmware's own list says of that. */
import { expect, test } from "vitest";
import { inspectImage } from "../../../src/audit/inspect/image/inspect_image.js";
import { walkAnswer } from "../../../src/audit/inspect/walk/walk_device.js";
import { unitsOf } from "../../../src/library/inspect/units.js";
import { inspectLines } from "../../../src/report/inspect/inspect_lines.js";
import { inspectVerdict } from "../../../src/report/inspect/inspect_verdict.js";
import { imageOf } from "../../audit/inspect/built_image.js";
import { bytesOf, dmar, drhd, endpoint, tableOf } from "../../audit/inspect/firmware_tables.js";
import { reportOf } from "../../report/inspect/sample_inspection.js";
import { Built } from "../../table/device/built.js";

const sumOfZero = (bytes: Uint8Array, at: number) => {
  bytes[at] = (256 - (bytes.reduce((s, b) => s + b, 0) & 255)) & 255;
  return bytes;
};

/** A BIOS's root pointer, its list, and the tables behind it; `elsewhere` is listed and not in the image. */
function machineWith(tables: readonly Uint8Array[], elsewhere: readonly number[] = []) {
  const { memory } = new Built();
  const places = tables.map((table, i) => {
    memory.write(0x310000 + i * 0x1000, table);
    return 0x310000 + i * 0x1000;
  });
  const all = [...places, ...elsewhere].map((at) => [at, 4] as const);
  memory.write(0x300000, tableOf("RSDT", 1, ...all));
  memory.write(0xf0000, sumOfZero(bytesOf("RSD PTR ", 0, "TESTER", 0, [0x300000, 4], [0, 16]).slice(0, 36), 8));
  return imageOf(memory);
}

const asked = { name: "image", registers: null, given: [], scan: false, hint: "nobody", together: {} };
const madt = tableOf("APIC", 3, [0xfee00000, 4], [1, 4]);

test("firmware that lists no IOMMU leaves devices open", async () => {
  const image = machineWith([madt]);
  const { input, notes } = await unitsOf(image, asked);
  expect(notes).toEqual(["firmware lists no IOMMU"]);
  const inspected = inspectImage({ ...input, file: "image", image, notes });
  const { inspection } = inspected;
  const at = { ...{ segment: null, requester: 0x18, pasid: null, iova: 0n }, path: null } as const;
  expect(() => walkAnswer(inspected, at)).toThrow(/no IOMMU here whose tables could be walked/);
  expect([...inspectLines(reportOf(inspection), { color: false, width: 100 })]).toContain("  none is read");
  expect(inspection.findings).toMatchObject([{ rule: "no-unit", weight: "trouble" }]);
  expect(inspectVerdict(reportOf(inspection)).words).toBe("1 trouble: no IOMMU stands between devices and memory.");
});

test("a paravirtual one has its tables elsewhere", async () => {
  const viot = tableOf(
    ...(["VIOT", 0, [1, 2], [48, 2], [0, 8], 3, 0, [16, 2], [0, 2], [0x18, 2], [0, 8]] as Parameters<typeof tableOf>),
  );
  const image = machineWith([madt, viot]);
  const { input, notes } = await unitsOf(image, asked);
  const { inspection } = inspectImage({ ...input, file: "image", image, notes });
  expect(inspection.findings).toMatchObject([
    { rule: "missing-unit", where: expect.stringMatching(/paravirtual/), weight: "unproven" },
  ]);
  expect(inspectVerdict(reportOf(inspection)).words).toMatch(/: no IOMMU whose tables are read is here\.$/);
});

test.each([
  ["a table of the list is not in the image", machineWith([madt], [0x7f000000])],
  [
    "a unit is listed whose tables may be anywhere",
    machineWith([madt, dmar(drhd(0xfed90000, { scopes: [endpoint("00:03.0")] }))]),
  ],
])("nothing is said where %s", async (_, image) => {
  await expect(unitsOf(image, asked)).rejects.toThrow(/expected device tables of an IOMMU/);
});
