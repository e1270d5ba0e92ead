/**
 * VT-d root table: 256 entries of 16 bytes, one for each bus.
 *
 * Source: Intel VT-d Architecture Specification rev 4.1, sections 9.1 (root entry) and 9.2 (scalable-mode root entry).
 */
import type { Mfn } from "../../base/frame.js";
import { bit, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** VT-d root entry. */
export const RootEntry = layout(
  {
    title: "VT-d root entry",
    source: "VT-d 4.1, 9.1",
    bitCount: 128,
    reserved: [
      [11, 1],
      [127, 64],
    ],
  },
  {
    p: bit(0, "1 = the context table of this bus exists"),
    frame: bits<Mfn>(63, 12, "context table, 256 entries of 16 bytes"),
  },
);

/** Two pointers: devices 0 to 15 of the bus use the lower half, devices 16 to 31 the upper one. */
export const ScalableRootEntry = layout(
  {
    title: "VT-d scalable-mode root entry",
    source: "VT-d 4.1, 9.2",
    bitCount: 128,
    reserved: [
      [11, 1],
      [75, 65],
    ],
  },
  {
    lowerP: bit(0, "1 = the lower context table exists"),
    lower: bits<Mfn>(63, 12, "context table of devices 0 to 15, 128 entries of 32 bytes"),
    upperP: bit(64, "1 = the upper context table exists"),
    upper: bits<Mfn>(127, 76, "context table of devices 16 to 31, 128 entries of 32 bytes"),
  },
);

/** Entries of a root table, one for each bus. */
export const rootEntries = 256;
/** Bytes of a root entry. */
export const rootEntryBytes = 16;
