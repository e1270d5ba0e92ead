/** Images of machines that tests build structure by structure. */
import { mfn } from "../../../src/base/frame.js";
import type { Memory } from "../../../src/mem/index.js";
import { visitFrames } from "../../../src/read/image/block.js";
import type { Image } from "../../../src/read/index.js";
import { type AllocateFrames, Mapper, type TableMemory, type TableRoot } from "../../../src/table/index.js";
import { allFrames, inBlocks } from "../../read/image/in_blocks.js";

/** All of a memory as a whole image. */
export function imageOf(memory: Memory, machine: string | null = "x86-64"): Image {
  const blocks = inBlocks(memory, allFrames(memory.frameCount));
  return {
    format: "raw",
    machine,
    runs: [{ first: mfn(0), frameCount: memory.frameCount }],
    warnings: [],
    ...blocks,
    each: (visit, progress) => visitFrames(blocks, visit, progress),
  };
}

/** Frames of zeros, from `first` on. */
export function framesFrom(memory: Memory, first: number): AllocateFrames {
  let next = first;
  return (count) => {
    next = Math.ceil(next / count) * count;
    memory.write(next * 4096, new Uint8Array(count * 4096));
    next += count;
    return next - count;
  };
}

/** Map rows [iova, paddr, bytes, allow] in a table whose top is made here. */
export function mapAll(
  memory: TableMemory & Pick<Memory, "write">,
  root: TableRoot,
  allocate: AllocateFrames,
  rows: readonly (readonly [number, number, number, (1 | 2 | 3)?])[],
): void {
  memory.write(root.address, new Uint8Array(4096));
  const mapper = new Mapper(memory, root, allocate);
  for (const [iova, paddr, bytes, allow = 3] of rows) mapper.map(iova, paddr, bytes, allow);
}
