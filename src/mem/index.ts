/** Machine memory: frames of bytes with one door for writes, and the view that a simulated machine and a dump share. */
export { FlatMemory } from "./flat_memory.js";
export { Memory } from "./memory.js";
export { type MemorySegment, type MemoryView, type ReadonlyWords, SegmentView } from "./view.js";
