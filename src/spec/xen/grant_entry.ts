/**
 * Grant table entries as bits in the granter's memory, versions 1 and 2.
 * Source: Xen include/public/grant_table.h (grant_entry_v1, grant_entry_v2, GTF_*).
 */
import { bit, bits, layout } from "../../bits/index.js";

/** GTF_type_mask's values. */
export const GrantType = { invalid: 0, permitAccess: 1, acceptTransfer: 2, transitive: 3 } as const;

/** Bits of the 16-bit flags, of an entry and of a status word; those of a transfer lie where others' do. */
export const GrantFlag = {
  typeMask: 3,
  readOnly: 4,
  reading: 8,
  writing: 16,
  subPage: 256,
  transferCommitted: 4,
  transferCompleted: 8,
} as const;

const header = {
  type: bits(1, 0, "what the entry grants"),
  readOnly: bit(2, "the grantee may only read"),
  reading: bit(3, "set by the hypervisor while the frame is mapped or read (version 1)"),
  writing: bit(4, "set by the hypervisor while the frame is mapped for writing (version 1)"),
  pwt: bit(5, "cache attribute"),
  pcd: bit(6, "cache attribute"),
  pat: bit(7, "cache attribute"),
  subPage: bit(8, "grants a part of the page, to copies only (version 2)"),
  domain: bits(31, 16, "the grantee"),
};

/** Grant_entry_v1. */
export const GrantV1 = layout(
  { title: "grant_entry_v1", source: "grant_table.h", bitCount: 64, ignored: [[15, 9]] },
  { ...header, frame: bits(63, 32, "gfn of the granter") },
);

/** Grant_entry_v2.full_page. */
export const GrantV2 = layout(
  {
    title: "grant_entry_v2.full_page",
    source: "grant_table.h",
    bitCount: 128,
    ignored: [
      [15, 9],
      [63, 32],
    ],
    reserved: [[127, 116]],
  },
  { ...header, frame: bits(115, 64, "gfn of the granter") },
);

/** Grant_entry_v2.sub_page. */
export const GrantV2Part = layout(
  {
    title: "grant_entry_v2.sub_page",
    source: "grant_table.h",
    bitCount: 128,
    ignored: [[15, 9]],
    reserved: [[127, 116]],
  },
  {
    ...header,
    offset: bits(47, 32, "first granted byte of the page"),
    length: bits(63, 48, "granted bytes"),
    frame: bits(115, 64, "gfn of the granter"),
  },
);

/** Grant_entry_v2.transitive. */
export const GrantV2Transitive = layout(
  {
    title: "grant_entry_v2.transitive",
    source: "grant_table.h",
    bitCount: 128,
    ignored: [
      [15, 9],
      [63, 48],
      [127, 96],
    ],
  },
  {
    ...header,
    granter: bits(47, 32, "domain whose grant is passed on"),
    ref: bits(95, 64, "reference in that domain's table"),
  },
);

/** Bytes of a grant entry, by version. */
export const grantEntryBytes = { 1: 8, 2: 16 } as const;
/** Version 2 keeps what the hypervisor sets in an array of its own. */
export const grantStatusBytes = 2;
/** References that toolstacks use: 0 console, 1 xenstore. */
export const reservedGrants = 8;
