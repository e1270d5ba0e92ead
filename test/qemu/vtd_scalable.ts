/** Random tables of VT-d's scalable mode: contexts, PASID directories and tables, second and first stage. */
import { write } from "../../src/bits/field.js";
import { ScalableContextEntry as Context, scalableContextEntryBytes } from "../../src/spec/vtd/context_entry.js";
import { PasidDirectoryEntry, PasidEntry, PasidTranslation } from "../../src/spec/vtd/pasid.js";
import { ScalableRootEntry } from "../../src/spec/vtd/root_entry.js";
import type { UnitRoot } from "../../src/table/device/index.js";
import { type Kept, mapRandomly, spoil } from "./random_map.js";
import type { VtdWorld } from "./vtd_driver.js";
import { anyWidth, firstStage, secondStage } from "./vtd_tables.js";

/** Devices below 16 of each bus: the lower context table. */
export const scalableWorld: VtdWorld = {
  name: "VT-d scalable",
  codes: "vtd-scalable",

  build(template, memory, rng, requesters) {
    const root = memory.allocate(rng, 1);
    const unit: UnitRoot = { ...template, mode: "scalable", root: root * 4096 };
    const kept: Kept = new Set();
    const worth = new Map<number, bigint[]>();
    const devices = new Set([root]);
    const frame = () => {
      const made = memory.allocate(rng, 1);
      devices.add(made);
      return made;
    };
    const contexts = new Map<number, number>();
    for (const bus of new Set(requesters.map((r) => r >>> 8))) {
      contexts.set(bus, frame());
      const words = memory.frame(root)!.subarray(bus * 4);
      write(words, 0, ScalableRootEntry.lowerP, rng.below(40) === 0 ? 0 : 1);
      write(words, 0, ScalableRootEntry.lower, contexts.get(bus)! as never);
    }
    for (const [n, requester] of requesters.entries()) {
      const at = ((requester & 0x7f) * scalableContextEntryBytes) / 4;
      const context = memory.frame(contexts.get(requester >>> 8)!)!.subarray(at);
      const directory = frame();
      const table = frame();
      const top = memory.allocate(rng, 1);
      write(context, 0, Context.p, rng.below(30) === 0 ? 0 : 1);
      write(context, 0, Context.frame, directory as never);
      const entry = memory.frame(directory)!;
      write(entry, 0, PasidDirectoryEntry.p, rng.below(30) === 0 ? 0 : 1);
      write(entry, 0, PasidDirectoryEntry.frame, table as never);
      const { first: hasFirst, second: hasSecond } = unit.abilities!;
      const first = hasFirst === true && (hasSecond === false || rng.below(2) === 0);
      const aw = anyWidth(template, rng);
      const pasid = memory.frame(table)!;
      write(pasid, 0, PasidEntry.p, rng.below(30) === 0 ? 0 : 1);
      // QEMU looks at AW also for a first stage, where it has no meaning; kernels set it.
      write(pasid, 0, PasidEntry.aw, first ? 2 : aw);
      write(pasid, 0, PasidEntry.pgtt, first ? PasidTranslation.first : PasidTranslation.second);
      write(pasid, 0, first ? PasidEntry.fsFrame : PasidEntry.ssFrame, top as never);
      write(pasid, 0, PasidEntry.did, n + 1);
      const tables = first ? firstStage(template, top) : secondStage(template, top, aw);
      const options = { superpages: rng.below(3) > 0 };
      worth.set(requester, mapRandomly(memory, rng, tables, kept, options, first ? [1, 3] : [1, 2, 3]).worth);
      if (rng.below(12) === 0) write(pasid, 0, PasidEntry.pgtt, [0, 4, 4, 5, 6, 7][rng.below(6)]!);
      // Not bit 1, FPD: which faults it hides is not compared here.
      if (rng.below(30) === 0) context[rng.below(2)]! ^= 2 ** (2 + rng.below(30));
      if (rng.below(30) === 0) pasid[rng.below(2)]! ^= 2 ** (2 + rng.below(30));
    }
    const tables = memory.tables.filter((t) => !devices.has(t / 4096));
    spoil(memory, rng, tables, kept, rng.below(60));
    return { unit, worth };
  },
};
