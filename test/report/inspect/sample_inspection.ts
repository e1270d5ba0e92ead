/** An inspection put together by hand, with one of everything that reports print. */
import type { DeviceReach, Inspection } from "../../../src/audit/inspect/facts/inspection.js";
import { mfn } from "../../../src/base/frame.js";
import type { InspectReport } from "../../../src/report/inspect/inspect_report.js";
import { Ranges } from "../../../src/table/ranges.js";
import { device, ranges, unit } from "../../audit/inspect/machine.js";

const own = ranges([0xfffff000, 0x5000000, 4096], [2 ** 64 - 8192, 0x6000000, 8192, 2]);

export function sampleInspection(devices: readonly DeviceReach[] = sampleDevices()): Inspection {
  return {
    source: {
      file: "vm\u001b[31mcore",
      format: "elf64",
      machine: "x86-64",
      bytes: 2 ** 30,
      runs: [{ first: mfn(0), frameCount: 2 ** 18 }],
      notes: ["a note with \u001b[2J in it"],
    },
    units: [unit, { ...unit, root: 0x300000, registersAt: null, translating: null, interruptRemapping: null }],
    devices,
    unitTroubles: [
      [
        {
          kind: "reserved",
          entryAt: 0x100010,
          value: "0xff01",
          iova: null,
          level: null,
          what: "reserved bits are set",
        },
      ],
      [],
    ],
    findings: [
      {
        rule: "identity",
        weight: "trouble",
        what: "it passes through",
        where: "0000:00:04.0",
        why: "TT is 2",
        devices: [2],
      },
      { rule: "alias", weight: "note", what: "they share", where: "two of them", why: "an alias", devices: [0, 1] },
    ],
  };
}

export const sampleDevices = (): DeviceReach[] => [
  device(0x18, own, { pasid: 0, ats: true }),
  device(0x18, own, { pasid: 7, stage: "nested" }),
  device(0x20, null, { state: "identity", domain: 1, allow: 1, why: "TT is 2" }),
  device(0x21, null),
  device(0x22, null),
  device(0x23, null),
  device(0x12345, new Ranges(), { domain: null }),
];

export function reportOf(inspection: Inspection, more: Partial<InspectReport> = {}): InspectReport {
  const shown = [...inspection.devices.keys()];
  return { inspection, shown, everyMapping: false, who: null, walk: null, diff: null, ...more };
}
