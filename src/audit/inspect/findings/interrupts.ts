/** Rules about interrupts: a device raises one with a write, which no page table confines. */

import { countWords, plural } from "../../../base/count_words.js";
import { grouped } from "../../../base/grouped.js";
import { hex } from "../../../base/hex.js";
import { deviceName } from "../device_name.js";
import type { Finding } from "../facts/inspection.js";
import type { Known, Rule } from "../facts/known.js";
import { amdviInterrupts } from "../interrupts/amdvi_interrupts.js";
import { namesOf } from "./words.js";

/** VT-d has one switch for all of a unit's devices. */
function openUnits(known: Known): Finding[] {
  return known.units.flatMap((unit, i): Finding[] =>
    unit.kind !== "vtd" || unit.interruptRemapping !== false || unit.translating === false
      ? []
      : [
          {
            rule: "interrupt-remapping-off",
            weight: "unproven",
            what: `unit ${i} does not remap interrupts`,
            where: unit.registersAt === null ? `unit ${i}` : `unit ${i}, registers at ${hex(unit.registersAt)}`,
            why: "a device can raise any interrupt by writing to 0xfee00000; who controls one can forge them",
          },
        ],
  );
}

/** AMD-Vi has no such switch: each device table entry says it for its device. */
function openDevices(known: Known): Finding[] {
  const there = new Set((known.bus ?? []).map(deviceName));
  const open = [...known.devices.keys()].filter((i) => {
    const device = known.devices[i]!;
    const unit = known.units[device.unit]!;
    if (unit.kind !== "amdvi" || unit.translating === false) return false;
    // Entries that let nothing through stand for all requesters: most of them are nobody's.
    if (device.state === "blocked" && !there.has(deviceName(device))) return false;
    return amdviInterrupts(device)?.remapped === false;
  });
  return [...grouped(open, (i) => known.devices[i]!.unit)].map(([unit, devices]) => ({
    rule: "interrupt-remapping-off",
    weight: "unproven",
    what: `unit ${unit} does not remap the interrupts of ${plural(devices.length, "device")}`,
    where: namesOf(known.devices, devices),
    why: "IV is 0, or IntCtl 1, in the device table entry: who controls such a device can raise any interrupt by writing to 0xfee00000",
    devices,
  }));
}

const interruptRemappingOff: Rule = {
  name: "interrupt-remapping-off",
  about: "A unit translates addresses and lets interrupts pass as they are.",
  find: (known) => [...openUnits(known), ...openDevices(known)],
};

const interruptsUnchecked: Rule = {
  name: "interrupts-unchecked",
  about: "Interrupts are remapped, and nobody checks which device raises them.",
  find: (known) =>
    known.uncheckedInterrupts.flatMap(({ unit, present, unchecked, missing }): Finding[] => {
      const at = known.units[unit]!.interruptTable;
      const finding = {
        rule: "interrupts-unchecked",
        weight: "unproven",
        where: at === null ? `unit ${unit}` : `unit ${unit}, interrupt table at ${hex(at)}`,
      } as const;
      const found: Finding[] = [];
      if (unchecked > 0) {
        const entries = plural(present, "entry", "entries");
        found.push({
          ...finding,
          what: `${countWords(unchecked)} of ${entries} of the interrupt table of unit ${unit} are for any device`,
          why: "their SVT is 0, as intremap=nosid has it: a device can raise the interrupts of another",
        });
      }
      if (missing !== 0) {
        found.push({
          ...finding,
          what: `the interrupt table of unit ${unit} is not ${missing === null ? "known" : "whole in the image"}`,
          why: "whether its entries check which device raises an interrupt is not known",
        });
      }
      return found;
    }),
};

export const interruptRules: readonly Rule[] = [interruptRemappingOff, interruptsUnchecked];
