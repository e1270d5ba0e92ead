/**
 * VT-d context entries: what one device function is attached to.
 *
 * Source: Intel VT-d Architecture Specification rev 4.1, sections 9.3 (context entry, legacy mode) and 9.4
 * (scalable-mode context entry).
 */
import type { Mfn } from "../../base/frame.js";
import { bit, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** VT-d context entry. */
export const ContextEntry = layout(
  {
    title: "VT-d context entry",
    source: "VT-d 4.1, 9.3",
    bitCount: 128,
    ignored: [[70, 67]],
    reserved: [
      [11, 4],
      [71, 71],
      [127, 88],
    ],
  },
  {
    p: bit(0, "1 = the entry is present"),
    fpd: bit(1, "1 = faults of this device are not recorded"),
    tt: bits(3, 2, "0 = translate; 1 = translate, and trust translated requests (ATS); 2 = pass-through; 3 reserved"),
    frame: bits<Mfn>(63, 12, "top second-stage table; ignored in pass-through"),
    aw: bits(66, 64, "1 = 3 levels, 39 bits; 2 = 4 levels, 48 bits; 3 = 5 levels, 57 bits; others reserved"),
    did: bits(87, 72, "domain id, the tag of cached translations"),
  },
);

/** Values of ContextEntry.tt. */
export const TranslationType = { translate: 0, translateAndAts: 1, passThrough: 2, reserved: 3 } as const;

/** VT-d scalable-mode context entry. */
export const ScalableContextEntry = layout(
  {
    title: "VT-d scalable-mode context entry",
    source: "VT-d 4.1, 9.4",
    bitCount: 256,
    reserved: [
      [8, 5],
      [127, 85],
      [191, 128],
      [255, 192],
    ],
  },
  {
    p: bit(0, "1 = the entry is present"),
    fpd: bit(1, "1 = faults of this device are not recorded"),
    dte: bit(2, "1 = the device may use its own TLB (ATS)"),
    paside: bit(3, "1 = requests with PASID are taken"),
    pre: bit(4, "1 = page requests are taken"),
    pdts: bits(11, 9, "the PASID directory has 2^(n+7) entries"),
    frame: bits<Mfn>(63, 12, "PASID directory"),
    ridPasid: bits(83, 64, "PASID of requests that carry none"),
    ridPriv: bit(84, "1 = requests without PASID are privileged"),
  },
);

/** Bytes of a context entry of legacy mode. */
export const contextEntryBytes = 16;
/** Bytes of a context entry of scalable mode. */
export const scalableContextEntryBytes = 32;
