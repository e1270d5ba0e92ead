/** Registers of a running guest's IOMMUs, read through the monitor, in the form of a registers file. */
import { hex } from "../../../base/hex.js";
import { Unreadable } from "../../../read/unreadable.js";
import type { UnitKind } from "../../../table/device/attachment.js";
import type { UnitAt } from "./map.js";
import type { Qmp } from "./qmp.js";

/** A registers file: the kind of unit, and values as hexadecimal strings by physical address. */
export interface RegisterDump {
  readonly kind: UnitKind;
  readonly registers: Readonly<Record<string, string>>;
}

interface Run {
  readonly offset: number;
  readonly count: number;
  /** Bytes of each register. */
  readonly width: 4 | 8;
}

/**
 * What is read of each kind. Nothing here changes when it is read.
 * VT-d 11.4; AMD IOMMU 3.4; SMMUv3 6.3, where the identification registers answer to accesses of 32 bits only.
 */
const runs: Readonly<Record<UnitKind, readonly Run[]>> = {
  vtd: [{ offset: 0x00, count: 32, width: 8 }],
  amdvi: [
    { offset: 0x00, count: 16, width: 8 },
    { offset: 0x2000, count: 8, width: 8 },
  ],
  smmuv3: [
    { offset: 0x00, count: 10, width: 4 },
    { offset: 0x44, count: 1, width: 4 },
    { offset: 0x60, count: 2, width: 4 },
    { offset: 0x80, count: 1, width: 8 },
    { offset: 0x88, count: 1, width: 4 },
    { offset: 0x90, count: 1, width: 8 },
    { offset: 0x98, count: 2, width: 4 },
    { offset: 0xa0, count: 1, width: 8 },
  ],
};

/** @throws Unreadable when the monitor answers in another form than `xp` has. */
export async function readRegisters(qmp: Qmp, unit: UnitAt): Promise<RegisterDump> {
  const registers: Record<string, string> = {};
  for (const { offset, count, width } of runs[unit.kind]) {
    if (offset + count * width > unit.bytes) continue;
    for (let n = 0; n < count; n++) {
      const address = unit.address + offset + n * width;
      const value = await readOne(qmp, address, width);
      // A file with 32-bit values in it gives wide registers in halves, so that no reader has to guess.
      if (width === 4 || unit.kind !== "smmuv3") registers[hex(address)] = hex(value, width * 2);
      else {
        registers[hex(address)] = hex(value & 0xffff_ffffn, 8);
        registers[hex(address + 4)] = hex(value >> 32n, 8);
      }
    }
  }
  return { kind: unit.kind, registers };
}

/** One register to a command: the monitor would read a longer run in accesses of its own choice. */
async function readOne(qmp: Qmp, address: number, width: 4 | 8): Promise<bigint> {
  const command = `xp /1${width === 8 ? "g" : "w"}x ${hex(address)}`;
  const text = await qmp.monitor(command);
  const [, value] = /^[0-9a-f]+: (0x[0-9a-f]+)\s*$/.exec(text) ?? [];
  if (value === undefined) throw new Unreadable(qmp.name, command, "one value", JSON.stringify(text.slice(0, 80)));
  return BigInt(value);
}
