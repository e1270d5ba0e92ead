/** All historic bugs that are switches somewhere: one table for each layer that has some, with its demonstrations. */
import { engineBugs } from "../../../sw/engine/index.js";
import { entryBugs } from "../../../sw/iommu/entry/bugs.js";
import { attachBugs } from "../../../sw/iommu/group/bugs.js";
import { lifetimeBugs } from "../../../sw/iommu/lifetime/bugs.js";
import { bugs as poolBugs } from "../../../sw/swiotlb/bugs.js";
import { xenBugs } from "../../../sw/xen/index.js";
import { attachDemonstrations } from "./attach.js";
import type { Demonstration } from "./demonstration.js";
import { engineDemonstrations } from "./engine.js";
import { entryDemonstrations } from "./entry.js";
import { searchStates } from "./explored.js";
import { guestDemonstrations } from "./guest.js";
import { hypervisorDemonstrations } from "./hypervisor.js";
import { lifetimeDemonstrations } from "./lifetime.js";
import { poolDemonstrations } from "./pool.js";
import { type Searched, searchShortest } from "./shortest.js";

/** A row of a layer's own table of bugs. */
interface Row {
  readonly id: string;
  readonly year: number;
  readonly source: string;
  readonly breaks: string;
}

interface BugTable {
  /** The folder that has the switch. */
  readonly layer: string;
  readonly rows: readonly Row[];
  readonly demonstrations: Readonly<Record<string, Demonstration>>;
}

/** A layer with switches of its own is one more row. */
const tables: readonly BugTable[] = [
  { layer: "sw/swiotlb", rows: poolBugs, demonstrations: poolDemonstrations },
  { layer: "sw/engine", rows: engineBugs, demonstrations: engineDemonstrations },
  { layer: "sw/iommu", rows: lifetimeBugs, demonstrations: lifetimeDemonstrations },
  { layer: "sw/iommu", rows: attachBugs, demonstrations: attachDemonstrations },
  { layer: "sw/iommu", rows: entryBugs, demonstrations: entryDemonstrations },
  { layer: "sw/xen", rows: xenBugs, demonstrations: { ...guestDemonstrations, ...hypervisorDemonstrations } },
];

export interface HistoricBug {
  readonly id: string;
  /** What went wrong. */
  readonly title: string;
  /** Of its repair, or of its description where it never shipped. */
  readonly year: number;
  /** The commit, advisory or discussion. */
  readonly source: string;
  /** What must hold, and does not with it. */
  readonly rule: string;
  readonly layer: string;
  readonly demonstration: Demonstration;
}

export const historicBugs: readonly HistoricBug[] = tables
  .flatMap(({ layer, rows, demonstrations }) =>
    rows.map((row) => {
      const demonstration = demonstrations[row.id];
      if (demonstration === undefined) throw new Error(`unreachable: ${row.id} has a demonstration`);
      const { id, year, source, breaks } = row;
      return { id, title: demonstration.title, year, source, rule: breaks, layer, demonstration };
    }),
  )
  .sort((a, b) => a.year - b.year || (a.id < b.id ? -1 : 1));

export interface Demonstrated {
  readonly bug: HistoricBug;
  /** With the bug: the shortest run that breaks the rule. */
  readonly on: Searched;
  /** The same without it. */
  readonly off: Searched;
}

export function demonstrate(bug: HistoricBug): Demonstrated {
  const { demonstration } = bug;
  if ("universe" in demonstration) {
    const { universe, rule } = demonstration;
    return { bug, on: searchStates(() => universe(true), rule), off: searchStates(() => universe(false), null) };
  }
  const { world } = demonstration;
  return { bug, on: searchShortest(() => world(true)), off: searchShortest(() => world(false)) };
}
