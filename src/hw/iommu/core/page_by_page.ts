/** An access of a bus master as a bus carries it, page by page: what was carried before a refusal stays carried. */
import { frameBytes } from "../../../base/frame.js";
import type { DmaOutcome } from "../../../bus/dma_port.js";
import type { Memory } from "../../../mem/memory.js";

export interface PagedAccess {
  readonly address: number;
  /** What is written, or where what is read goes. */
  readonly bytes: Uint8Array;
  readonly write: boolean;
}

/**
 * @param reach the frame of memory that a page of the access leads to, or why there is none; `null`: all went well, and nothing is
 *   carried - zeros are read
 * @returns "done", or why the first page that was refused was
 */
export function pageByPage(
  memory: Memory,
  { address, bytes, write }: PagedAccess,
  reach: (frame: number, offset: number) => number | Exclude<DmaOutcome, "done"> | null,
): DmaOutcome {
  for (let done = 0; done < bytes.length; ) {
    const at = address + done;
    const offset = at % frameBytes;
    const count = Math.min(frameBytes - offset, bytes.length - done);
    const frame = reach(Math.floor(at / frameBytes), offset);
    if (typeof frame === "string") return frame;
    const piece = bytes.subarray(done, done + count);
    if (frame === null) {
      if (!write) piece.fill(0);
    } else if (!(frame < memory.frameCount)) return "outside";
    else if (write) memory.write(frame * frameBytes + offset, piece);
    else memory.read(frame * frameBytes + offset, piece);
    done += count;
  }
  return "done";
}
