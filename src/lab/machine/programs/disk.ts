/** Transfers of the kernel that drives the disk. */
import { frameBytes } from "../../../base/frame.js";
import { oneWay } from "../../../sim/actor.js";
import { cut, type ListEntry } from "../../../sw/dma/index.js";
import { plainDevice } from "../../../sw/engine/index.js";
import { BlockLoad, type BlockRequest } from "../load/block_load.js";
import { sectorBytes } from "../load/sector_contents.js";
import { type DiskUnit, sectorsEach } from "../units/unit.js";
import { blockProgram } from "./block_program.js";
import { Failures } from "./failures.js";
import type { OwnSite, Program } from "./program.js";

/** @param notes what there is to say of how the disk is driven */
export function disk(site: OwnSite, unit: DiskUnit, notes: readonly string[] = []): Program {
  const { description, n, rng, kernel, memory } = site;
  const firstSector = unit.takeSectors();
  // The block layer cuts what would cross the device's boundary.
  const { bdf, boundary } = unit.device.description;
  const limits = plainDevice({ bdf, ...(boundary !== undefined && { boundary }) });
  const failures = new Failures();
  const load = new BlockLoad({
    name: `disk ${n}`,
    kernel,
    memory,
    rng,
    requests: description.requests,
    size: description.size,
    sectors: sectorsEach,
    orderMax: 3,
    submit: (r) => {
      const { toDisk, sector } = r;
      const list = listOf(r).flatMap((entry) => cut(limits, entry));
      unit.driver.submit({ toDisk, block: firstSector + sector, list, done: (e) => r.done(failures.ended(e)) });
    },
  });
  const actors = [oneWay(load.name, load)];
  return blockProgram({ line: site, load, unit, firstSector, actors, refused: null, failures, notes, close: () => {} });
}

/** A block of pages that follow each other is one entry, as a compound page is. */
function listOf(r: BlockRequest): ListEntry[] {
  const end = (r.first + r.sectors) * sectorBytes;
  let at = 0;
  return r.blocks.map((pages) => {
    const low = at === 0 ? r.first * sectorBytes : 0;
    const phys = r.pages[at]! * frameBytes + low;
    const size = Math.min(pages * frameBytes, end - at * frameBytes) - low;
    at += pages;
    return { phys, size };
  });
}
