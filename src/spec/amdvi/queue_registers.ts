/**
 * Registers of an AMD IOMMU that say where the buffers between it and software lie: commands, events, page requests.
 *
 * Source: AMD I/O Virtualization Technology (IOMMU) Specification 48882, 3.4.2 (command buffer), 3.4.3 (event log),
 * 3.4.7 (page request log). The three registers have one form.
 */
import type { Mfn } from "../../base/frame.js";
import { bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** AMD-Vi buffer base. */
export const BufferBase = layout(
  {
    title: "AMD-Vi buffer base",
    source: "AMD IOMMU 48882, 3.4.2",
    bitCount: 64,
    reserved: [
      [11, 0],
      [55, 52],
      [63, 60],
    ],
  },
  {
    frame: bits<Mfn>(51, 12, "buffer"),
    length: bits(59, 56, "2^n entries of 16 bytes; less than 8 is reserved"),
  },
);
/** Every buffer's entries. */
export const bufferEntryBytes = 16;

/** AMD-Vi head or tail of a buffer. */
export const BufferPointer = layout(
  {
    title: "AMD-Vi buffer pointer",
    source: "AMD IOMMU 48882, 3.4.14",
    bitCount: 64,
    reserved: [
      [3, 0],
      [63, 19],
    ],
  },
  { entry: bits(18, 4, "the entry, counted from the buffer's begin") },
);
