/**
 * Translation table descriptors of SMMUv3: VMSAv8-64, one 64-bit word each, for granules of 4, 16 and 64 KiB.
 *
 * Source: Arm Architecture Reference Manual DDI 0487, section D8.3 (descriptor formats, attribute fields, the
 * contiguous bit, hierarchical permissions); Arm SMMUv3 IHI 0070, section 3.4 (the SMMU uses these formats). Arm's
 * levels 0 to 3 are our levels 3 to 0. Bits that are RES0 do not fault: they are ignored here. The 64 KiB granule keeps
 * output address bits 51:48 in bits 15:12 where the unit's addresses have 52 bits; 16-byte-wide and LPA2 formats are
 * not described.
 */
import { bit, bits, type Draft, type Field } from "../../bits/field.js";
import { type Layout, layout } from "../../bits/layout.js";

const source = "DDI 0487, D8.3";

/** Bytes of a granule, as a power of two. */
export type GranuleLg2 = 12 | 14 | 16;

const kind = bits(1, 0, "0 and 2 = invalid, 1 = block, 3 = table, or page at the last level");

const leafCommon = {
  kind,
  sh: bits(9, 8, "shareability"),
  af: bit(10, "access flag; 0 faults unless hardware sets it"),
  dbm: bit(51, "1 = hardware may make the page writable and dirty"),
  contiguous: bit(52, "1 = one of a run of entries that a TLB may hold as one; translation is the same"),
  software: bits(58, 55, "left to software"),
  pbha: bits(62, 59, "page-based hardware attributes"),
};

const leafStage1 = {
  ...leafCommon,
  attrIndex: bits(4, 2, "index into MAIR"),
  ns: bit(5, "1 = not secure"),
  unprivileged: bit(6, "AP[1]: 1 = requests without privilege pass"),
  readOnly: bit(7, "AP[2]: 1 = writes are refused"),
  nG: bit(11, "1 = tagged with the ASID"),
  guarded: bit(50, "guarded page; not consulted for DMA"),
  pxn: bit(53, "1 = privileged requests may not execute"),
  uxn: bit(54, "1 = unprivileged requests may not execute"),
};

const leafStage2 = {
  ...leafCommon,
  memAttr: bits(5, 2, "memory attributes"),
  read: bit(6, "S2AP[0]: 1 = reads pass"),
  write: bit(7, "S2AP[1]: 1 = writes pass"),
  fnxs: bit(11, "FnXS: invalidations may ignore pending XS accesses"),
  xn: bits(54, 53, "execute-never; not consulted for plain DMA"),
};

interface Shape {
  readonly granuleLg2: GranuleLg2;
  /** Lowest address bit: the page's size, or the block's. */
  readonly lsb: number;
}

/** Where a descriptor of this shape keeps its address, and which of bits 49:12 nobody looks at. */
function address({ granuleLg2, lsb }: Shape) {
  const wide = granuleLg2 === 16;
  const drafts = {
    frame: bits(47, lsb, `output address bits 47:${lsb}`),
    ...(wide ? { frameHigh: bits(15, 12, "output address bits 51:48 where addresses have 52 bits") } : {}),
  } as { frame: Draft<number>; frameHigh: Draft<number> };
  return { drafts, from: wide ? 16 : 12 };
}

/** Ranges from `msb` down to `lsb`, none when they cross. */
const span = (msb: number, lsb: number) => (msb >= lsb ? [[msb, lsb] as const] : []);

function leaf<const D extends Readonly<Record<string, Draft<number>>>>(title: string, shape: Shape, fields: D) {
  const { drafts, from } = address(shape);
  // A block's nT bit is its only defined bit below the address.
  const block = shape.lsb > shape.granuleLg2;
  const nT = block ? { nT: bit(16, "block translation entry, for changes of size") } : {};
  const ignored = [
    ...(block ? [...span(15, from), ...span(shape.lsb - 1, 17)] : span(shape.lsb - 1, from)),
    [49, 48] as const,
  ];
  const rest = ignored.concat("guarded" in fields ? [] : [[50, 50] as const], [[63, 63] as const]);
  const all = layout({ title, source, bitCount: 64, ignored: rest }, { ...fields, ...nT, ...drafts });
  return all as Layout<D & typeof drafts> & { readonly nT?: Field<0 | 1> };
}

/** A page or block of stage 1. @param lsb lowest address bit: log2 of its size in bytes */
export function stage1Leaf(granuleLg2: GranuleLg2, lsb: number) {
  const what = lsb === granuleLg2 ? "page" : "block";
  return leaf(`stage 1 ${what} of ${sizeName(lsb)}`, { granuleLg2, lsb }, leafStage1);
}

/** A page or block of stage 2. */
export function stage2Leaf(granuleLg2: GranuleLg2, lsb: number) {
  const what = lsb === granuleLg2 ? "page" : "block";
  return leaf(`stage 2 ${what} of ${sizeName(lsb)}`, { granuleLg2, lsb }, leafStage2);
}

/** A table descriptor of stage 1, whose upper bits restrict everything below it. */
export function stage1Table(granuleLg2: GranuleLg2) {
  const { drafts, from } = address({ granuleLg2, lsb: granuleLg2 });
  return layout(
    {
      title: `stage 1 table, granule ${sizeName(granuleLg2)}`,
      source,
      bitCount: 64,
      ignored: [[11, 2], ...span(granuleLg2 - 1, from), [58, 48]],
    },
    {
      kind,
      ...drafts,
      pxnTable: bit(59, "1 = privileged requests may not execute below"),
      uxnTable: bit(60, "1 = unprivileged requests may not execute below"),
      noUnprivileged: bit(61, "APTable[0]: 1 = requests without privilege are refused below"),
      noWrite: bit(62, "APTable[1]: 1 = writes are refused below"),
      nsTable: bit(63, "1 = everything below is not secure"),
    },
  );
}

/** A table descriptor of stage 2: it restricts nothing. */
export function stage2Table(granuleLg2: GranuleLg2) {
  const { drafts, from } = address({ granuleLg2, lsb: granuleLg2 });
  return layout(
    {
      title: `stage 2 table, granule ${sizeName(granuleLg2)}`,
      source,
      bitCount: 64,
      ignored: [[11, 2], ...span(granuleLg2 - 1, from), [63, 48]],
    },
    { kind, ...drafts },
  );
}

/** A layout of a table descriptor, whose fields depend on the granule. */
export type DescriptorLayout = Layout<Readonly<Record<string, Draft<number>>>>;

function sizeName(lg2: number): string {
  const unit = lg2 >= 40 ? "TiB" : lg2 >= 30 ? "GiB" : lg2 >= 20 ? "MiB" : "KiB";
  return `${2 ** (lg2 % 10)} ${unit}`;
}
