/** Scenarios of domains that are replaced while devices go on: each is every order of stores and reads of one entry. */

import { type EntryRule, entryRuled } from "../../../sw/iommu/entry/rules.js";
import { entryOfStructure } from "../../replace/entries.js";
import { entryUniverse, isReplaced } from "../../replace/entry_universe.js";
import { changeIsOver, flightRuled, inFlight } from "../../replace/flight/in_flight.js";
import { remapped } from "../../replace/flight/one_domain.js";
import { costOfRemapping } from "../../replace/flight/remapping_cost.js";
import { vtdFlight, vtdLegacyFlight } from "../../replace/flight/vtd.js";
import { type Asked, universeOfReplacement } from "../../replace/replacement.js";
import type { StructureName } from "../../replace/structures.js";
import type { Quotation, Scenario } from "../scenario.js";
import { type SearchedPart, searchedPart } from "../searched.js";
import { Teller } from "../story.js";
import { sequence } from "./pictures.js";

const said = (text: string): Quotation => ({
  text,
  author: "Jason Gunthorpe",
  date: "11 February 2023",
  where: "[PATCH v2 02/10] iommu: Introduce a new iommu_group_replace_domain() API",
});

const features = { overrides: true, stalls: true };
const build =
  (structure: StructureName, from: string, to: string, way: string, more: Partial<Asked> = {}) =>
  () =>
    entryUniverse(universeOfReplacement(entryOfStructure(structure, features), { from, to, sequence: way, ...more }));
const rules = (...names: readonly EntryRule[]) => names.map(entryRuled);
const told = (...parts: readonly SearchedPart[]) => parts.map(searchedPart);
const unit = (of: string) =>
  `${of}, read by its unit piece by piece in every order, and the processor that replaces it`;

const explored = { bugs: [], picture: sequence, isExplored: true } as const;

const tornEntry: Scenario = {
  id: "torn-entry",
  title: "The tag of one domain with the tables of the other",
  quotation: said(
    "This is because the cache tag and the io page table top are in different 64 bit words so atomic writes don't cover both, and thus the IOMMU HW could tear the two stores and mismatch the cache tag to the table top.",
  ),
  machine: unit("an entry of VT-d's PASID tables"),
  point:
    "A second stage has its table and its domain id in one piece of 128 bits: one store, and no read is torn. A first stage has them in two. Copied over the old entry, the new id may meet the old table, and what is kept of it then stays, since it is the old id that is flushed.",
  ...explored,
  run: () =>
    told(
      {
        title: "two second stages, by one store of 128 bits",
        build: build("vtd", "ss", "ss", "written"),
        to: isReplaced,
      },
      {
        title: "two first stages, copied (Linux 6.13 to 6.19)",
        ...{ contrast: true, build: build("vtd", "fs", "fs", "linux-in-place"), rules: rules("after") },
      },
      {
        title: "two second stages, where the unit reads 64 bits at once",
        ...{ contrast: true, build: build("vtd", "ss", "ss", "exchange", { fetchBits: 64 }), rules: rules("I4") },
      },
    ),
};

/** A whole unit, a device whose first stage is replaced by another under the same id, and one that stays in the old one. */
const besideIt = (neighbour: "the old tag" | "its own tag") => () =>
  inFlight({ flight: vtdFlight, from: "fs", to: "fs", sequence: "same-did", writes: 1, neighbour });

const sameDid: Scenario = {
  id: "same-did",
  title: "The new domain takes the old one's id",
  quotation: said("This is possible if this translation entry is the only user of the DID."),
  machine: `${unit("an entry of VT-d's PASID tables")}; then the whole unit, with a second device that stays`,
  point:
    "With one id there is nothing to mismatch: only the piece with the table changes. But until the flush is done the id stands for both tables, and another device that has it is led by either: its write lands where the first one's new domain leads.",
  ...explored,
  run: () =>
    told(
      {
        title: "the entry is the only user of its id",
        build: build("vtd", "fs", "fs", "same-did"),
        ...{ rules: rules("I4", "I5", "after"), to: isReplaced },
      },
      {
        title: "a device beside it stays, and has an id of its own",
        ...{ build: besideIt("its own tag"), rules: [flightRuled("neighbour")] },
      },
      {
        title: "the device beside it has the same id",
        ...{ contrast: true, build: besideIt("the old tag"), rules: [flightRuled("neighbour")] },
      },
    ),
};

const spareDid: Scenario = {
  id: "spare-did",
  title: "An id of its own in between",
  quotation: said("A more complex way would use a temporary DID that can be safely corrupted."),
  machine: unit("an entry of VT-d's PASID tables"),
  point:
    "First the id goes, then the table, then the id comes: one piece at a time. What is kept of both tables is kept under the spare id, which nobody else has and which is flushed before it serves again.",
  ...explored,
  run: () =>
    told(
      { title: "by way of a spare id", build: build("vtd", "fs", "fs", "spare-did"), to: isReplaced },
      {
        title: "at once, and two pieces change",
        ...{ contrast: true, build: build("vtd", "fs", "fs", "linux-in-place"), rules: rules("I4") },
      },
    ),
};

const nonPresent: Scenario = {
  id: "non-present",
  title: "The entry is absent for the duration of the update",
  quotation: said(
    "But realistically I'd expect VT-d drivers to simply make the PASID invalid for the duration of the update.",
  ),
  machine: unit("an entry of VT-d's PASID tables"),
  point:
    "Nothing is torn and no id is mixed up, whatever is replaced by what. The price is that requests are refused in between, those of buffers that both domains map alike among them.",
  ...explored,
  run: () =>
    told(
      {
        title: "torn down, then set up, as Linux does",
        build: build("vtd", "fs", "fs", "linux"),
        ...{ rules: rules("I4", "I6", "after"), to: isReplaced },
      },
      {
        title: "what devices see of it",
        ...{ contrast: true, build: build("vtd", "fs", "fs", "linux"), rules: rules("I5") },
      },
      {
        title: "zeroed while it is present, as Linux did",
        ...{ contrast: true, build: build("vtd", "fs", "blocked", "linux-zeroed"), rules: rules("I4") },
      },
    ),
};

const amdOneTag: Scenario = {
  id: "amd-one-tag",
  title: "One tag for all PASIDs of a device",
  quotation: said(
    "However something like AMD has a single cache tag for every entry in the PASID table so you could do an atomic replace trivially.",
  ),
  machine: unit("an entry of AMD-Vi's GCR3 tables"),
  point:
    "The tag stands in the device's own entry, which stays. A PASID's tables are one store of 64 bits; until the flush is done the unit may go on with either. The device's entry itself is another matter: from four to five levels of a guest's tables Linux goes through one with V = 0, in which addresses pass untranslated.",
  ...explored,
  run: () =>
    told(
      {
        title: "one PASID, by one store",
        build: build("amdvi-pasid", "first", "first", "linux"),
        ...{ rules: rules("I4", "I5", "after"), to: isReplaced },
      },
      {
        title: "the device's entry, between guests of four and five levels",
        ...{ contrast: true, build: build("amdvi", "nested", "nested5", "linux"), rules: rules("I4") },
      },
    ),
};

const armOneStore: Scenario = {
  id: "arm-one-store",
  title: "The top of the PASID table in one store",
  quotation: said("eg you can atomically update the top of the PASID table with a single 64 bit store."),
  machine: unit("a stream table entry of an SMMUv3"),
  point:
    "Where the table of context descriptors is, how large it is and of which form stand in one word of 64 bits. A descriptor itself has its table in one word and the address space's number in another: with another number it takes a gap, with the same one it does not.",
  ...explored,
  run: () =>
    told(
      {
        title: "another table of context descriptors",
        build: build("smmuv3", "s1", "s1larger", "linux"),
        ...{ rules: rules("I4", "I5", "after"), to: isReplaced },
      },
      {
        title: "one descriptor, its address space keeping its number",
        build: build("smmuv3-cd", "s1", "s1", "same-asid"),
        ...{ rules: rules("I4", "I5", "after"), to: isReplaced },
      },
      {
        title: "one descriptor, of another number",
        ...{ contrast: true, build: build("smmuv3-cd", "s1", "s1", "linux"), rules: rules("I5") },
      },
    ),
};

const pasidTableResize: Scenario = {
  id: "pasid-table-resize",
  title: "A larger PASID table under a device that goes on",
  quotation: said("ARM has a flexible PASID table and atomic replace would be part of resizing it."),
  machine: unit("a stream table entry of an SMMUv3"),
  point:
    "A larger table is filled with what the smaller one has, then put in its place by one store: nobody sees the difference. By way of an entry that blocks, which is what it takes without a writer that knows what is used, requests are refused meanwhile.",
  ...explored,
  run: () =>
    told(
      {
        title: "filled first, then put in place",
        build: build("smmuv3", "s1", "s1larger", "linux"),
        to: isReplaced,
      },
      {
        title: "by way of an entry that blocks",
        ...{ contrast: true, build: build("smmuv3", "s1", "s1larger", "blocked-first"), rules: rules("I5") },
      },
    ),
};

const viommuSwitch: Scenario = {
  id: "viommu-switch",
  title: "A guest switches its device between identity and DMA",
  quotation: {
    ...said(
      "Currently, it does this by replacing all the mappings in a single domain, but this is very inefficient and means that domains have to be per-device rather than per-translation.",
    ),
    ...{ author: "Nicolin Chen", date: "7 February 2023" },
  },
  machine: "a VT-d unit in legacy mode, a device that goes on writing, and the virtual machine's monitor",
  point:
    "Taken out and put in one by one, mappings that are the same before and after are missing for as long as it takes, and what the guest has in memory decides how long that is. Two domains and one exchange of the entry cost one store, and a write goes the old way or the new one.",
  ...{ bugs: [], picture: sequence, isExplored: true },
  run: () => [
    ...told(
      {
        title: "the entry is replaced",
        build: () => inFlight({ flight: vtdLegacyFlight, from: "legacy", to: "legacy", sequence: "xen", writes: 1 }),
        to: changeIsOver,
      },
      {
        title: "all mappings are taken out, then others put in",
        ...{ contrast: true, build: remapped, rules: [flightRuled("I5")] },
      },
    ),
    remappingCosts(),
  ],
};

/** What a switch costs, by what mapping a guest's memory really takes. */
function remappingCosts() {
  const t = new Teller("what the old way costs");
  const sizes = [2 ** 26, 2 ** 28, 2 ** 29];
  const costs = sizes.map((bytes) => [2 ** 12, 2 ** 21].map((piece) => costOfRemapping(bytes, piece)));
  t.grid("monitor", "identity is taken out and put in", {
    title: "by a guest's memory",
    columns: [
      "memory",
      "pieces of 4 KiB",
      "entries stored",
      "pieces of 2 MiB",
      "entries stored",
      "replaced: entries stored",
    ],
    rows: costs.map(([small, large], n) => [
      ...[`${sizes[n]! / 2 ** 20} MiB`, `${small!.pieces}`, `${small!.stores}`],
      ...[`${large!.pieces}`, `${large!.stores}`, "1"],
    ]),
  });
  const [least, most] = [costs[0]![1]!, costs.at(-1)![0]!];
  t.rule("any piece costs more than the entry does", least.stores > 1, `${least.stores} to ${most.stores} entries`);
  return t.part;
}

export const replacementScenarios: readonly Scenario[] = [
  ...[tornEntry, sameDid, spareDid, nonPresent],
  ...[amdOneTag, armOneStore, pasidTableResize, viommuSwitch],
];
