/** Machine memory: frames of bytes with owners, and the view that a simulated machine and a dump share. */
export { Memory, type Owner } from "./memory.js";
export { type MemoryView, type Segment, SegmentView } from "./view.js";
