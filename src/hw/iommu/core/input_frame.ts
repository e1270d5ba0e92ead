/** The page that tables translate, of an address that may carry a tag in its top byte (SMMUv3 CD.TBI0 and TBI1). */
import type { Attachment } from "../../../table/device/index.js";

/** Frames of addresses without their top byte. */
const span = 2 ** 44;

/**
 * @param frame bits 63:12 of an address
 * @returns the same with copies of bit 55 above it where the table of that half ignores the top byte: translations of one
 *   page are one translation, whatever the tag
 */
export function inputFrame({ first }: Attachment, frame: number): number {
  const low = frame % span;
  const isHigh = low >= span / 2;
  const root = first.find((r) => (r.upper === "ones") === isHigh);
  if (root?.topByteIgnored !== true) return frame;
  return isHigh ? low + (2 ** 52 - span) : low;
}
