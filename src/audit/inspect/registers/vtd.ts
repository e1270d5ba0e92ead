/** Registers of a VT-d unit into a unit. Sources: see spec/vtd/registers.ts. */
import { frameBytes } from "../../../base/frame.js";
import { hex } from "../../../base/hex.js";
import { read } from "../../../bits/field.js";
import type { RegisterBlock } from "../../../read/registers/register_block.js";
import { vtdOffsets as at } from "../../../spec/vtd/register_map.js";
import { GlobalStatus, InterruptTableAddress, RootTableAddress } from "../../../spec/vtd/registers.js";
import type { UnitRoot } from "../../../table/device/attachment.js";
import { vtdAbilities } from "../../../table/device/vtd_abilities.js";
import type { RegisterNote } from "./note.js";

const modes = ["legacy", "scalable", "reserved", "abort"] as const;

export function vtdUnit(block: RegisterBlock, notes: RegisterNote[]): UnitRoot | null {
  const rtaddr = block.address(at.rtaddr);
  if (rtaddr === null || block.isVoid) return null;
  const gsts = block.register(at.gsts, 1);
  const irta = block.address(at.irta);
  const status = (field: Parameters<typeof read>[2]) => (gsts === null ? null : read(gsts, 0, field) === 1);
  const translating = status(GlobalStatus.tes);
  const interruptRemapping = status(GlobalStatus.ires);
  const mode = modes[read(rtaddr, 0, RootTableAddress.ttm)]!;
  const where = `vtd at ${hex(block.base)}`;
  const note = (rule: string, what: string, why: string) => notes.push({ rule, where, what, why });
  if (translating === false)
    note("unit-off", "the unit does not translate", "GSTS.TES is 0: every device reaches all of memory");
  if (translating === true && status(GlobalStatus.rtps) === false) {
    note(
      "root-not-set",
      "the root table pointer was not taken over",
      "GSTS.RTPS is 0: RTADDR may not be the table that is used",
    );
  }
  if (interruptRemapping === false)
    note("interrupt-remapping-off", "interrupts are not remapped", "GSTS.IRES is 0: a device may send any interrupt");
  // With 32-bit destinations the old form is refused, whatever CFIS says. VT-d 4.1, 5.1.4.
  const isWide = irta !== null && read(irta, 0, InterruptTableAddress.eime) === 1;
  if (interruptRemapping === true && status(GlobalStatus.cfis) === true && !isWide) {
    note(
      "compatibility-interrupts",
      "interrupts of the old form pass",
      "GSTS.CFIS is 1: a device may send any interrupt in the old form",
    );
  }
  if (mode === "reserved" || mode === "abort") {
    note("table-mode", `the table mode is ${mode}`, `RTADDR.TTM is ${mode === "abort" ? 3 : 2}: no request passes`);
  }
  return {
    kind: "vtd",
    mode,
    root: read(rtaddr, 0, RootTableAddress.frame) * frameBytes,
    size: frameBytes,
    split: 0,
    registersAt: block.base,
    translating,
    interruptRemapping,
    interruptTable:
      irta === null || interruptRemapping === false ? null : read(irta, 0, InterruptTableAddress.frame) * frameBytes,
    outputBits: 52,
    found: "registers",
    segment: 0,
    abilities: vtdAbilities(block.register(at.cap, 2), block.register(at.ecap, 2)),
  };
}
