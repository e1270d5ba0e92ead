/** Random root, context and second-stage tables of VT-d's legacy mode. */
import { write } from "../../src/bits/field.js";
import { ContextEntry } from "../../src/spec/vtd/context_entry.js";
import { RootEntry } from "../../src/spec/vtd/root_entry.js";
import type { UnitRoot } from "../../src/table/device/index.js";
import type { MapperOptions } from "../../src/table/index.js";
import { type Kept, mapRandomly, spoil } from "./random_map.js";
import type { VtdWorld } from "./vtd_driver.js";
import { anyWidth, secondStage } from "./vtd_tables.js";

export const legacyWorld: VtdWorld = {
  name: "VT-d legacy, second stage",
  codes: "vtd-legacy",

  build(template, memory, rng, requesters) {
    const root = memory.allocate(rng, 1);
    const unit: UnitRoot = { ...template, mode: "legacy", root: root * 4096 };
    const kept: Kept = new Set();
    const worth = new Map<number, bigint[]>();
    const contexts = new Map<number, number>();
    for (const bus of new Set(requesters.map((r) => r >>> 8))) {
      const context = memory.allocate(rng, 1);
      contexts.set(bus, context);
      const words = memory.frame(root)!.subarray(bus * 4);
      write(words, 0, RootEntry.p, rng.below(40) === 0 ? 0 : 1);
      write(words, 0, RootEntry.frame, context);
      if (rng.below(40) === 0) words[1 + rng.below(3)]! ^= 2 ** rng.below(32);
    }
    const shared: { top: number; aw: number; did: number; worth: bigint[] }[] = [];
    for (const [n, requester] of requesters.entries()) {
      const words = memory.frame(contexts.get(requester >>> 8)!)!.subarray((requester & 0xff) * 4);
      const tt = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 1, 3][rng.below(14)]!;
      let table = rng.below(4) === 0 ? shared[0] : undefined;
      if (table === undefined) {
        const aw = anyWidth(template, rng);
        const top = memory.allocate(rng, 1);
        const options: MapperOptions = { superpages: rng.below(3) > 0 };
        const mapped = mapRandomly(memory, rng, secondStage(template, top, aw), kept, options);
        table = { top, aw, did: n + 1, worth: mapped.worth };
        shared.push(table);
      }
      worth.set(requester, table.worth);
      write(words, 0, ContextEntry.p, rng.below(30) === 0 ? 0 : 1);
      write(words, 0, ContextEntry.tt, tt);
      write(words, 0, ContextEntry.aw, table.aw);
      write(words, 0, ContextEntry.frame, table.top);
      write(words, 0, ContextEntry.did, table.did);
      if (rng.below(30) === 0) words[rng.below(4)]! ^= 2 ** rng.below(32);
    }
    const devices = new Set([root, ...contexts.values()].map((f) => f * 4096));
    const tables = memory.tables.filter((t) => !devices.has(t));
    if (tables.length > 0) spoil(memory, rng, tables, kept, rng.below(60));
    return { unit, worth };
  },
};
