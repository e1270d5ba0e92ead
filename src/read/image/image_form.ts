/** Which form a memory image has, by its first bytes: of use to who asks only what a file is. */
import type { ByteSource } from "../bytes.js";

export type ImageForm = "elf" | "kdump" | "lime" | "flattened";

export const kdumpMagic = "KDUMP   ";
export const flattenedMagic = "makedumpfile";

/** @returns which form of image the source is by its first bytes; null for none of them, a raw one included. */
export function sniffImage(source: ByteSource): ImageForm | null {
  const bytes = new Uint8Array(16);
  const held = source.read(0, bytes);
  const text = String.fromCharCode(...bytes.subarray(0, held));
  if (text.startsWith("\x7fELF")) return "elf";
  if (text.startsWith(kdumpMagic)) return "kdump";
  if (text.startsWith("EMiL")) return "lime";
  return text.startsWith(flattenedMagic) ? "flattened" : null;
}
