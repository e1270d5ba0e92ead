/** Packets of the bridge: whom they are for, who sent them, and their bytes out of the pages that they lie in. */
import { frameBytes, type Pfn } from "../../../base/frame.js";
import type { ByteMemory } from "../../../mem/byte_memory.js";

/** The last byte of the address that a packet is sent to; -1 for what is too short to have one. */
export const addressee = (packet: Uint8Array): number => packet[5] ?? -1;
/** The same of its sender. */
export const sender = (packet: Uint8Array): number => packet[11] ?? -1;

/** The bytes of a packet that lies in pieces of a kernel's memory. */
export function gathered(
  memory: ByteMemory,
  pieces: readonly { page: Pfn; offset: number; size: number }[],
): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, p) => sum + p.size, 0));
  let at = 0;
  for (const { page, offset, size } of pieces) {
    memory.read(page * frameBytes + offset, bytes.subarray(at, at + size));
    at += size;
  }
  return bytes;
}
