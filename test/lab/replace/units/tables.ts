/** Page tables of four levels of which the first frames may be mapped and unmapped: only leaves change. */
import { frameBytes } from "../../../../src/base/frame.js";
import type { Memory } from "../../../../src/mem/memory.js";
import { type FormatName, Mapper } from "../../../../src/table/index.js";
import { frameMax } from "../../../sw/iommu/group/tested_unit.js";

export const byte = (frame: number) => frame * frameBytes;

/** One table. */
export interface LeafTable {
  readonly top: number;
  /** @param to null: nothing */
  map(frame: number, to: number | null): void;
}

/**
 * @param next frames for tables @param itself frames that lead to themselves for good: where a guest's tables lie
 */
export function leafTable(
  memory: Memory,
  format: FormatName,
  next: () => number,
  itself: { readonly first: number; readonly end: number } | null = null,
): LeafTable {
  const top = next();
  const upper = format === "vtd-fs" || format === "amdvi-v2" ? "sign" : "zero";
  const root = { format, address: byte(top), level: 3, inputBits: 48, outputBits: 46, allow: 3, upper } as const;
  const mapper = new Mapper(memory, root, next);
  mapper.map(0, byte(0x1000), byte(frameMax), 3);
  if (itself !== null) mapper.map(byte(itself.first), byte(itself.first), byte(itself.end - itself.first), 3);
  const leaf = byte(mapper.tables.at(-1)!);
  const flags = memory.load32(leaf) - byte(0x1000);
  const high = memory.load32(leaf + 4);
  for (let frame = 0; frame < frameMax; frame++) memory.store64(leaf + frame * 8, 0, 0);
  return {
    top,
    map(frame, to) {
      if (to === null) memory.store64(leaf + frame * 8, 0, 0);
      else memory.store64(leaf + frame * 8, byte(to) + flags, high);
    },
  };
}
