/** Real images: the mappings are exactly the true ones, and each is found again from its physical address. */
import { describe, expect, test } from "vitest";
import { deviceName } from "../../../src/audit/inspect/device_name.js";
import type { DeviceReach } from "../../../src/audit/inspect/facts/inspection.js";
import { walkAnswer } from "../../../src/audit/inspect/walk/walk_device.js";
import { permWords } from "../../../src/report/inspect/inspect_report.js";
import { captures, inspected, type TrueMapping, truthOf } from "./captured.js";

const page = 4096;
const key = (device: { bdf: string; pasid: number | null }) => `${device.bdf} ${device.pasid}`;
const keyOf = (d: DeviceReach) => `${deviceName(d)} ${d.pasid}`;
const stages: Readonly<Record<string, string>> = { ss: "second", fs: "first", s1: "first", v1: "second" };

/** One line for each page. */
function pages(key: string, rows: Iterable<{ iova: number; paddr: number; bytes: number; perm: string }>): string[] {
  const lines: string[] = [];
  for (const { iova, paddr, bytes, perm } of rows) {
    for (let at = 0; at < bytes; at += page) lines.push(`${key} ${iova + at} ${paddr + at} ${perm}`);
  }
  return lines;
}

function* rowsOf({ ranges }: DeviceReach) {
  for (let row = 0; ranges !== null && row < ranges.count; row++) {
    const [iova, paddr, bytes] = [ranges.iova[row]!, ranges.paddr[row]!, ranges.bytes[row]!];
    yield { iova, paddr, bytes, perm: permWords[ranges.allow[row]!]! };
  }
}

describe.each(captures)("%s", async (name) => {
  const { inspection, index, image } = await inspected(name);
  const truth = truthOf(name);
  const byDevice = new Map<string, TrueMapping[]>();
  for (const m of truth.mappings) byDevice.set(key(m), [...(byDevice.get(key(m)) ?? []), m]);

  test("every page that is mapped, and no other", () => {
    const ours = inspection.devices.flatMap((d) => pages(keyOf(d), rowsOf(d))).sort();
    const theirs = truth.mappings.flatMap((m) => pages(key(m), [m])).sort();
    expect(truth.mappings.length).toBeGreaterThan(300);
    expect(ours).toEqual(theirs);
  });

  test("leaves and bytes of each device", () => {
    for (const device of inspection.devices) {
      const own = byDevice.get(keyOf(device)) ?? [];
      expect(device.ranges?.leafCount ?? 0, keyOf(device)).toBe(own.length);
      expect(device.ranges?.byteCount ?? 0, keyOf(device)).toBe(own.reduce((sum, m) => sum + m.bytes, 0));
      for (const m of own) expect(device.stage).toBe(stages[m.stage]);
    }
  });

  test("every device entry of the image is a device here, and no other is", () => {
    const theirs = truth.entries.filter(([kind]) => kind === "dev").map(([, bdf]) => bdf);
    expect([...new Set(inspection.devices.map((d) => deviceName(d)))].sort()).toEqual([...new Set(theirs)].sort());
    expect(inspection.unitTroubles).toEqual([[]]);
    expect(inspection.devices.flatMap((d) => d.troubles)).toEqual([]);
  });

  test("from each mapped page back to its device and address", () => {
    for (const m of truth.mappings) {
      const hits = index.at(m.paddr + 0x10).map((h) => `${keyOf(inspection.devices[h.device]!)} ${h.iova}`);
      expect(hits).toContain(`${key(m)} ${m.iova + 0x10}`);
    }
  });

  test("a walk of a mapped address ends where the truth says, one of an unmapped one in a fault", () => {
    for (const m of truth.mappings.filter((_, i) => i % 7 === 0)) {
      const device = inspection.devices.find((d) => keyOf(d) === key(m))!;
      const walk = walkAnswer({ inspection, image }, { ...device, pasid: null, iova: BigInt(m.iova) + 0x123n });
      expect(walk.end).toMatchObject({
        kind: "page",
        paddr: BigInt(m.paddr) + 0x123n,
        allow: permWords.indexOf(m.perm as "rw"),
      });
      expect(walk.steps.length).toBeGreaterThan(3);
      const fault = walkAnswer({ inspection, image }, { ...device, pasid: null, iova: 0x5000_0000n });
      expect(fault.end).toMatchObject({ kind: "fault" });
    }
  });
});
