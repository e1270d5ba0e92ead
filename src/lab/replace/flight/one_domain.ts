/**
 * The old way of a vIOMMU whose guest switches a device between identity and DMA: the mappings of one domain are all taken out,
 * then others put in, while the device goes on.
 *
 * Source: D4 (QEMU before domains were replaced); QEMU hw/virtio/virtio-iommu.c, hw/i386/intel_iommu.c (address space switch).
 */
import { frameBytes } from "../../../base/frame.js";
import type { Universe } from "../../../check/universe.js";
import { cell, end, program } from "../../../state/index.js";
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
  memory.store(unit.entryAt, vtdLegacyFlight.of.entry("legacy", "old"));
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
