/**
 * The old way of a vIOMMU whose guest switches a device between identity and DMA: the mappings of one domain are all taken out,
 * then others put in, while the device goes on.
 *
 * Source: D4 (QEMU before domains were replaced); QEMU hw/virtio/virtio-iommu.c, hw/i386/intel_iommu.c (address space switch).
 */
import { frameBytes } from "../../../base/frame.js";
import type { Universe } from "../../../check/universe.js";
import { Memory } from "../../../mem/memory.js";
import { cell, end, program } from "../../../state/index.js";
import { Mapper } from "../../../table/index.js";
import { byteOf } from "../ground.js";
import { vtdPlaces } from "../vtd_entries.js";
import { watched } from "./in_flight.js";
import { type FlightUnit, pages, written } from "./unit.js";
import { vtdLegacyFlight } from "./vtd.js";

interface Env {
  readonly unit: FlightUnit;
  /** Byte addresses of the leaves, and what is put into each. */
  readonly leaves: readonly (readonly [at: number, to: number])[];
}

const switching = program<Env>()(
  "virtual machine monitor",
  { at: cell("mappings that it has changed") },
  {
    "take a mapping out": {
      does({ unit, leaves }, s) {
        unit.memory.store64(leaves[s.at]![0], 0, 0);
        if (++s.at < leaves.length) return "take a mapping out";
        s.at = 0;
        return "flush the domain";
      },
    },
    "flush the domain": {
      atomic: "nobody reads descriptors before the doorbell, which comes last",
      does({ unit }) {
        unit.ask("old");
        return "answered?";
      },
    },
    "answered?": { when: ({ unit }) => unit.isAnswered(), does: () => "put a mapping in" },
    "put a mapping in": {
      does({ unit, leaves }, s) {
        const [at, to] = leaves[s.at]!;
        unit.memory.store64(at, to * frameBytes + 3, 0);
        return ++s.at < leaves.length ? "put a mapping in" : end;
      },
    },
  },
);

/** One domain, in legacy mode: the frame that is written comes to lead elsewhere, the other one stays what it was. */
export function remapped(): Universe {
  const unit = vtdLegacyFlight.build({});
  const { state, memory } = unit;
  memory.store(unit.entryAt, vtdLegacyFlight.of.entry("ss", "old"));
  const leaf = (frame: number) => leafOf(unit, vtdPlaces.old.second, frame);
  const leads = (page: number) => (frame: number) => (frame === written.apart ? page : frame);
  return watched({
    ...{ unit, writes: 1, before: leads(pages.second.old), after: leads(pages.second.new) },
    start: () =>
      switching.start(state, {
        unit,
        leaves: [
          [leaf(written.apart), pages.second.new],
          [leaf(written.alike), written.alike],
        ],
      }),
  });
}

/** Where the entry of a frame stands that a table of four levels maps. */
function leafOf({ memory }: FlightUnit, top: number, frame: number): number {
  let table = byteOf(top);
  for (let level = 3; level > 0; level--) {
    const at = table + (Math.floor(frame / 512 ** level) % 512) * 8;
    table = Math.floor(memory.load32(at) / frameBytes) * frameBytes;
  }
  return table + (frame % 512) * 8;
}

/** What it costs to take all of a guest's memory out of a table, or to put it in. */
export interface RemappingCost {
  /** Pieces that are mapped, and unmapped. */
  readonly pieces: number;
  /** Entries that are stored for that: leaves, and tables that lead to them. */
  readonly stores: number;
}

/** @param guestBytes of memory, in pieces of `pageBytes`: 4 KiB, or 2 MiB */
export function costOfRemapping(guestBytes: number, pageBytes: number): RemappingCost {
  const memory = new CountingMemory(8 + Math.ceil(guestBytes / 2 ** 21) * 2);
  let next = 0;
  const allocate = () => {
    memory.store32(byteOf(next), 0);
    return next++;
  };
  const top = byteOf(allocate());
  const root = {
    format: "vtd-ss",
    address: top,
    level: 3,
    inputBits: 48,
    upper: "zero",
    outputBits: 46,
    allow: 3,
  } as const;
  const mapper = new Mapper(memory, root, allocate);
  for (let at = 0; at < guestBytes; at += pageBytes) mapper.map(at, at, pageBytes, 3);
  for (let at = 0; at < guestBytes; at += pageBytes) mapper.unmap(at, pageBytes);
  return { pieces: guestBytes / pageBytes, stores: memory.stores };
}

/** Memory that counts what is stored of tables. */
class CountingMemory extends Memory {
  stores = 0;

  override store64(address: number, low: number, high: number): void {
    this.stores++;
    super.store64(address, low, high);
  }
}
