/** Machines of a few units whose firmware tables lie in their memory, inspected as the command does. */
import { acpiTables } from "../../../src/audit/inspect/acpi/acpi_tables.js";
import { type Inspected, inspectImage } from "../../../src/audit/inspect/image/inspect_image.js";
import { busFromText } from "../../../src/audit/inspect/pci/bus.js";
import { DeviceEntry } from "../../../src/spec/amdvi/device_entry.js";
import { L1StreamDescriptor, StreamEntry } from "../../../src/spec/smmuv3/stream_table.js";
import { ContextEntry } from "../../../src/spec/vtd/context_entry.js";
import { RootEntry } from "../../../src/spec/vtd/root_entry.js";
import type { UnitRoot } from "../../../src/table/device/attachment.js";
import { Built, unit } from "../../table/device/built.js";
import { framesFrom, imageOf, mapAll } from "./built_image.js";
import { id, putTables } from "./firmware_tables.js";

type Row = Parameters<typeof mapAll>[3][number];

interface Unit {
  readonly at: number;
  /** Devices that have an entry: translated, by one page table for all of the unit. */
  readonly devices?: readonly (string | number)[];
  readonly off?: boolean;
  /** SMMUv3: streams with an empty page table. */
  readonly confined?: readonly number[];
  /** What the page table holds. */
  readonly rows?: readonly Row[];
  /** AMD-Vi: an entry that blocks for every requester of the first `bus` buses. */
  readonly blocksBuses?: number;
}

export interface Machine {
  readonly kind: UnitRoot["kind"];
  readonly units: readonly Unit[];
  readonly tables: readonly Uint8Array[];
  /** Text of what is on the bus. */
  readonly bus?: string;
}

const numberOf = (device: string | number) => (typeof device === "string" ? id(device) : device);

/** Its memory and its units. */
export function buildMachine({ kind, units, tables }: Machine) {
  const built = new Built();
  putTables(built.memory, ...tables);
  return { memory: built.memory, units: units.map((u, i) => puts[kind](built, u, i)) };
}

export function inspectMachine(machine: Machine): Inspected {
  const { memory, units } = buildMachine(machine);
  const image = imageOf(memory, machine.kind === "smmuv3" ? "aarch64" : "x86-64");
  const acpi = acpiTables(image);
  return inspectImage({
    ...{ file: "built", image, units, notes: [], acpi: acpi.tables.length === 0 ? null : acpi },
    bus: machine.bus === undefined ? null : busFromText("pci.txt", machine.bus),
  });
}

/** The page table of unit `i`; its frames lie from 0x800000 on. */
function pages(built: Built, i: number, format: "vtd-ss" | "amdvi-v1", rows: readonly Row[]): number {
  const address = 0x800000 + i * 0x20000;
  const root = { format, address, level: 3, inputBits: 48, upper: "zero", outputBits: 48, allow: 3 } as const;
  mapAll(built.memory, root as never, framesFrom(built.memory, address / 4096 + 1), rows);
  return address / 4096;
}

const usual = (i: number): readonly Row[] => [[0x10000, 0x100000 + i * 0x1000, 0x1000]];
const common = ({ at, off = false }: Unit) => ({ registersAt: at, translating: !off, found: "registers" as const });

/** A second stage of 39 bits whose first table holds nothing. */
const emptyStage = { s2Vmid: 1, s2T0sz: 25, s2Sl0: 1, s2Ps: 5, s2Aa64: 1, s2R: 1, s2Ttb: 0x800000 / 16 };

const puts: Readonly<Record<UnitRoot["kind"], (built: Built, u: Unit, i: number) => UnitRoot>> = {
  vtd(built, u, i) {
    const root = 0x1000 + i * 0x40000;
    const frame = pages(built, i, "vtd-ss", u.rows ?? usual(i));
    built.memory.write(root, new Uint8Array(4096));
    const contexts = new Map<number, number>();
    for (const device of u.devices ?? []) {
      const requester = numberOf(device);
      const bus = requester >>> 8;
      const table = contexts.get(bus) ?? root + 0x1000 * (contexts.size + 1);
      if (!contexts.has(bus)) {
        contexts.set(bus, table);
        built.put(root + bus * 16, RootEntry, { p: 1, frame: table / 4096 });
        built.memory.write(table, new Uint8Array(4096));
      }
      built.put(table + (requester & 0xff) * 16, ContextEntry, { p: 1, frame, aw: 2, did: 5 });
    }
    return unit("vtd", "legacy", { ...common(u), root, interruptRemapping: true });
  },
  amdvi(built, u, i) {
    const root = 0x1000000 + i * 0x200000;
    const frame = pages(built, i, "amdvi-v1", u.rows ?? usual(i));
    built.memory.write(root, new Uint8Array(0x200000));
    for (let r = 0; r < (u.blocksBuses ?? 0) * 256; r++)
      built.put(root + r * 32, DeviceEntry, { v: 1, tv: 1, iv: 1, intCtl: 2 });
    for (const device of u.devices ?? []) {
      const values = { v: 1, tv: 1, mode: 4, frame, ir: 1, iw: 1, did: 5, iv: 1, intCtl: 2 };
      built.put(root + numberOf(device) * 32, DeviceEntry, values);
    }
    return unit("amdvi", "v1", { ...common(u), root, size: 0x200000 });
  },
  /** Streams below 2^20 in two levels; those that have an entry pass. */
  smmuv3(built, u, i) {
    const root = 0x1000000 + i * 0x100000;
    built.memory.write(root, new Uint8Array(0x8000));
    const second = new Map<number, number>();
    const confined = u.confined ?? [];
    built.memory.write(0x800000, new Uint8Array(4096));
    for (const device of [...(u.devices ?? []), ...confined]) {
      const stream = numberOf(device);
      const table = second.get(stream >>> 8) ?? root + 0x8000 + 0x4000 * second.size;
      if (!second.has(stream >>> 8)) {
        second.set(stream >>> 8, table);
        built.put(root + (stream >>> 8) * 8, L1StreamDescriptor, { span: 9, l2: table / 64 });
        built.memory.write(table, new Uint8Array(0x4000));
      }
      const own = confined.includes(stream) ? { config: 6, ...emptyStage } : { config: 4 };
      built.put(table + (stream & 0xff) * 64, StreamEntry, { v: 1, ...own });
    }
    return unit("smmuv3", "two-level", { ...common(u), root, size: 20, split: 8 });
  },
};
