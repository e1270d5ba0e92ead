/** VT-d units whose context entry, or whose PASID entry of requests without PASID, is replaced. */
import { read } from "../../../src/bits/field.js";
import type { ReplacedEntry, Side } from "../../../src/lab/replace/replaced_entry.js";
import { vtdContextEntry, vtdPasidEntry, vtdPlaces } from "../../../src/lab/replace/vtd_entries.js";
import { ContextEntry } from "../../../src/spec/vtd/context_entry.js";
import { PasidEntry } from "../../../src/spec/vtd/pasid.js";
import { type ContextKindName, contextEntry } from "../../../src/sw/iommu/entry/kinds/vtd_context.js";
import { type PasidKindName, pasidEntry } from "../../../src/sw/iommu/entry/kinds/vtd_pasid.js";
import { context, iotlb, pasidCache, pasidIotlb } from "../../../src/sw/iommu/vtd/commands.js";
import { deviceTables, type UnitRoot } from "../../../src/table/device/index.js";
import type { UnderTest } from "../machines.js";
import { cachesOfOneDevice } from "../program/large_caches.js";
import { VtdProgram } from "../program/vtd_program.js";
import { unitTemplate } from "../unit_template.js";
import { vtdBase } from "../vtd_driver.js";
import { firstStage, secondStage } from "../vtd_tables.js";
import { vtdReplaceKnown } from "./known.js";
import { over } from "./over.js";
import { Pages, type Stage } from "./pages.js";
import type { ReplacedUnit } from "./replaced_unit.js";

/** CAP, ECAP, GSTS and RTADDR, 32 bits each. */
const registers = [0x00, 0x08, 0x0c, 0x10, 0x14, 0x1c, 0x20, 0x24];
const fourLevels = 2;
/** A domain id that nobody has: its invalidation drains what is under way. VT-d 6.5.2.3. */
const nobody = 0x3f;

/** @param hostBits width of the machine's addresses, which no register says */
export async function vtdReplaced(
  machine: UnderTest,
  mode: "legacy" | "scalable",
  hostBits: number,
): Promise<ReplacedUnit> {
  const isScalable = mode === "scalable";
  const unit = await VtdProgram.of(machine, isScalable, cachesOfOneDevice);
  const { twin } = unit;
  const edu = machine.edus[0]!;
  const entryAt = unit.entryAt(edu.requester);
  const template = await unitTemplate(machine.qtest, "vtd", vtdBase, registers);
  const root: UnitRoot = { ...template, mode, root: unit.root, outputBits: hostBits };
  const pages = new Pages(machine.ramBase);
  const table = (stage: Stage, side: Side): number => {
    const top = twin.allocate();
    const made = stage === "first" ? firstStage(root, top) : secondStage(root, top, fourLevels);
    const mapper = twin.mapper(made);
    pages.map(mapper, stage, side);
    if (stage === "second") pages.mapBelow(mapper, twin.tables);
    return top;
  };
  const sideOf = (side: Side) => ({
    ...{ did: vtdPlaces[side].did, first: table("first", side), second: table("second", side) },
  });
  const contents = { old: sideOf("old"), new: sideOf("new") };
  const withIt = (entry: Uint32Array) => over(twin.memory, new Map([[entryAt, entry]]));
  const model = isScalable ? vtdPasidEntry : vtdContextEntry;
  const of: ReplacedEntry = {
    ...model,
    entry(kind, side) {
      if (isScalable) return pasidEntry(kind as PasidKindName, contents[side]);
      const { did, second } = contents[side];
      return contextEntry(kind as ContextKindName, { did, table: second, ats: false });
    },
    found: (entry) => deviceTables.vtd.lookup(withIt(entry), root, edu.requester, null),
  };
  const [contexts, pasids] = [context({ g: 1 }), pasidCache({ g: 3 })];
  await twin.settle();
  unit.state.begin();
  return {
    ...{ name: unit.name, unit, of, root, codes: isScalable ? "vtd-scalable" : "vtd-legacy", known: vtdReplaceKnown },
    ...{ edu, entryAt, pages, with: withIt, away: [] },
    home: [{ kind: "store", address: entryAt, words: of.entry("pt", "old") }],
    forgetAll: [contexts, ...(isScalable ? [pasids] : []), iotlb({ g: 1 })],
    // A context entry that stays may be forgotten before what it leads to.
    forgetEntry: isScalable ? [[pasids], [contexts, pasids]] : [[contexts]],
    drain: [iotlb({ g: 2, did: nobody })],
    forgetTag(entry) {
      if (read(entry, 0, isScalable ? PasidEntry.p : ContextEntry.p) === 0) return [];
      const did = read(entry, 0, isScalable ? PasidEntry.did : ContextEntry.did);
      return isScalable ? [pasidIotlb({ g: 2, did, pasid: 0 }), iotlb({ g: 2, did })] : [iotlb({ g: 2, did })];
    },
  };
}
