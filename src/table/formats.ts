/** Every table format the lab knows. A new one is a row here and passes the same tests. */
import type { Field } from "../bits/field.js";
import type { About } from "../bits/layout.js";
import { V1Page, V1Table } from "../spec/amdvi/host_table.js";
import { type GranuleLg2, stage1Leaf, stage1Table, stage2Leaf, stage2Table } from "../spec/smmuv3/descriptor.js";
import { FsPage, FsPage1G, FsPage2M, FsTable, FsUpperTable } from "../spec/vtd/first_stage.js";
import { SsPage, SsPage1G, SsPage2M, SsTable, SsUpperTable } from "../spec/vtd/second_stage.js";
import type {
  EntryKind,
  EntryShape,
  FormatName,
  Grants,
  LevelShape,
  Mark,
  TableFormat,
  UnitFeature,
} from "./format.js";

const all: Grants = { read: true, write: true, user: true };

interface Entry {
  readonly $: About;
  readonly frame: Field;
  readonly frameHigh?: Field;
}

interface More {
  readonly marks?: readonly Mark[];
  readonly optional?: EntryShape["optional"];
}

function shape(entry: Entry, grants: Grants, { marks = [], optional = [] }: More = {}): EntryShape {
  return { about: entry.$, frame: entry.frame, frameHigh: entry.frameHigh ?? null, grants, marks, optional };
}

const level = (
  name: string,
  table: EntryShape | null,
  leaf: EntryShape | null,
  kinds: readonly EntryKind[],
  leafNeeds: UnitFeature | null = null,
  leafOutputBitsMin = 0,
): LevelShape => ({ name, table, leaf, kinds, leafNeeds, leafOutputBitsMin });

const plain = {
  granuleLg2: 12,
  nextLevel: false,
  accessFlag: null,
  notGlobal: null,
  concatenatedLg2: 0,
  contiguousLg2: [],
  interruptRange: false,
} as const;

const ssTable = (t: typeof SsTable | typeof SsUpperTable) => shape(t, { read: t.r, write: t.w, user: true });
const ssLeaf = (l: typeof SsPage | typeof SsPage2M | typeof SsPage1G) =>
  shape(
    l,
    { read: l.r, write: l.w, user: true },
    {
      optional: [
        ["snoop-control", l.snp],
        ["device-tlb", l.tm],
      ],
    },
  );

export const vtdSecondStage: TableFormat = {
  ...plain,
  name: "vtd-ss",
  unit: "vtd",
  stage: "second",
  source: SsPage.$.source,
  present: [SsPage.r, SsPage.w],
  kind: SsTable.ps,
  levels: [
    level("SS-PTE", null, ssLeaf(SsPage), ["leaf", "leaf"]),
    level("SS-PDE", ssTable(SsTable), ssLeaf(SsPage2M), ["table", "leaf"], "pages-2m"),
    level("SS-PDPE", ssTable(SsTable), ssLeaf(SsPage1G), ["table", "leaf"], "pages-1g"),
    level("SS-PML4E", ssTable(SsUpperTable), null, ["table", "reserved"]),
    level("SS-PML5E", ssTable(SsUpperTable), null, ["table", "reserved"]),
  ],
  interruptRange: true,
};

/**
 * Accessed and dirty from the beginning, so that no unit has to write them.
 * Source: Linux drivers/iommu/generic_pt/fmt/x86_64.h (x86_64_pt_iommu_set_prot, x86_64_pt_install_table).
 */
const fsTable = (e: typeof FsTable | typeof FsUpperTable) =>
  shape(e, { read: true, write: e.rw, user: e.us }, { marks: [{ field: e.a, value: 1 }] });
const fsLeaf = (e: typeof FsPage | typeof FsPage2M | typeof FsPage1G) => {
  const marks: readonly Mark[] = [
    { field: e.a, value: 1 },
    { field: e.d, value: 1, ofWritable: true },
  ];
  return shape(e, { read: true, write: e.rw, user: e.us }, { marks });
};

const firstStage = (name: FormatName, unit: "vtd" | "amdvi", prefix: string): TableFormat => ({
  ...plain,
  name,
  unit,
  stage: "first",
  source: FsPage.$.source,
  present: [FsPage.p],
  kind: FsTable.ps,
  levels: [
    level(`${prefix}PTE`, null, fsLeaf(FsPage), ["leaf", "leaf"]),
    level(`${prefix}PDE`, fsTable(FsTable), fsLeaf(FsPage2M), ["table", "leaf"]),
    level(`${prefix}PDPE`, fsTable(FsTable), fsLeaf(FsPage1G), ["table", "leaf"], "pages-1g"),
    level(`${prefix}PML4E`, fsTable(FsUpperTable), null, ["table", "reserved"]),
    level(`${prefix}PML5E`, fsTable(FsUpperTable), null, ["table", "reserved"]),
  ],
  interruptRange: unit === "vtd",
});

export const vtdFirstStage = firstStage("vtd-fs", "vtd", "FS-");
export const amdviV2 = firstStage("amdvi-v2", "amdvi", "guest ");

const v1Table = shape(V1Table, { read: V1Table.ir, write: V1Table.iw, user: true });
/** Devices are coherent whatever they ask for. Source: Linux drivers/iommu/generic_pt/fmt/amdv1.h (amdv1pt_iommu_set_prot). */
const v1Leaf = shape(
  V1Page,
  { read: V1Page.ir, write: V1Page.iw, user: true },
  { marks: [{ field: V1Page.fc, value: 1 }] },
);

/** NextLevel 1 to 6 must lie below; 0 and 7 are pages, which the topmost level cannot hold (table 15). */
const v1Kinds = (own: number): EntryKind[] =>
  Array.from({ length: 8 }, (_, next) => {
    if (next === 0 || next === 7) return own < 5 ? "leaf" : "reserved";
    return next - 1 < own ? "table" : "reserved";
  });

export const amdviV1: TableFormat = {
  ...plain,
  name: "amdvi-v1",
  unit: "amdvi",
  stage: "second",
  source: V1Page.$.source,
  present: [V1Page.pr],
  kind: V1Page.next,
  levels: [0, 1, 2, 3, 4, 5].map((own) =>
    level(`level ${own + 1} entry`, own === 0 ? null : v1Table, own === 5 ? null : v1Leaf, v1Kinds(own)),
  ),
  nextLevel: true,
};

/** Arm's granules: which of our levels hold blocks, and how many entries the contiguous bit joins at levels 0, 1, 2. */
const granules = {
  "4k": { lg2: 12, blocks: [1, 2], contiguousLg2: [4, 4, 4] },
  "16k": { lg2: 14, blocks: [1], contiguousLg2: [7, 5] },
  "64k": { lg2: 16, blocks: [1, 2], contiguousLg2: [5, 5] },
} as const;

/** Value 1 is a block where a block may be, and otherwise no entry at all. */
const armKinds = (own: number, block: boolean): EntryKind[] =>
  own === 0 ? ["absent", "absent", "absent", "leaf"] : ["absent", block ? "leaf" : "absent", "absent", "table"];

function arm(stage: 1 | 2, granule: keyof typeof granules): TableFormat {
  const { lg2, blocks, contiguousLg2 } = granules[granule];
  const top = granule === "64k" ? 2 : 3;
  const levels = Array.from({ length: top + 1 }, (_, own) => {
    const block = (blocks as readonly number[]).includes(own);
    const leafLsb = lg2 + own * (lg2 - 3);
    const leaf = own === 0 || block ? armLeaf(stage, lg2, leafLsb) : null;
    const table = own === 0 ? null : armTable(stage, lg2);
    const outputBitsMin = leafLsb >= 40 ? 52 : 0;
    return level(`level ${3 - own} descriptor`, table, leaf, armKinds(own, block), null, outputBitsMin);
  });
  const page = stage1Leaf(lg2, lg2);
  return {
    name: `smmu-s${stage}-${granule}`,
    unit: "smmuv3",
    stage: stage === 1 ? "first" : "second",
    source: page.$.source,
    granuleLg2: lg2,
    levels,
    present: [],
    kind: page.kind,
    nextLevel: false,
    accessFlag: page.af,
    notGlobal: stage === 1 ? page.nG : null,
    concatenatedLg2: stage === 2 ? 4 : 0,
    contiguousLg2,
    interruptRange: false,
  };
}

function armLeaf(stage: 1 | 2, lg2: GranuleLg2, lsb: number): EntryShape {
  if (stage === 1) {
    const leaf = stage1Leaf(lg2, lsb);
    // Cached memory of a coherent device. Source: Linux drivers/iommu/io-pgtable-arm.c (arm_lpae_prot_to_pte).
    const marks = [
      { field: leaf.attrIndex, value: 1 },
      { field: leaf.sh, value: 3 },
    ];
    return shape(leaf, { read: true, write: { not: leaf.readOnly }, user: leaf.unprivileged }, { marks });
  }
  const leaf = stage2Leaf(lg2, lsb);
  return shape(leaf, { read: leaf.read, write: leaf.write, user: true });
}

function armTable(stage: 1 | 2, lg2: GranuleLg2): EntryShape {
  if (stage === 2) return shape(stage2Table(lg2), all);
  const table = stage1Table(lg2);
  return shape(table, { read: true, write: { not: table.noWrite }, user: { not: table.noUnprivileged } });
}

export const formats: Readonly<Record<FormatName, TableFormat>> = {
  "vtd-ss": vtdSecondStage,
  "vtd-fs": vtdFirstStage,
  "amdvi-v1": amdviV1,
  "amdvi-v2": amdviV2,
  "smmu-s1-4k": arm(1, "4k"),
  "smmu-s1-16k": arm(1, "16k"),
  "smmu-s1-64k": arm(1, "64k"),
  "smmu-s2-4k": arm(2, "4k"),
  "smmu-s2-16k": arm(2, "16k"),
  "smmu-s2-64k": arm(2, "64k"),
};
