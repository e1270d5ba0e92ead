/** Page tables of every IOMMU: one walker, one enumeration, one mapper; formats are data. */
export { type Enumerated, type EnumerateOptions, enumerate } from "./enumerate.js";
export { Fault, type FaultName, type FaultParts, faultParts, inSecondStage, onFirstStageTable } from "./fault.js";
export { type CodeSet, type FaultAt, faultCode } from "./fault_code.js";
export type { EntryKind, EntryShape, FormatName, LevelShape, TableFormat, UnitFeature } from "./format.js";
export { formats } from "./formats.js";
export { FrameSource } from "./frame_source.js";
export type { LeafSink } from "./leaf_sink.js";
export { Mapper, type MapperOptions } from "./mapper.js";
export { enumerateNested, type NestedRoots, NestedView, NestedWalker } from "./nested.js";
export { planOf, rootProblem, type WalkPlan } from "./plan.js";
export { Ranges } from "./ranges.js";
export { Allow, type TableRoot } from "./root.js";
export type { AllocateFrames, TableMemory } from "./table_maker.js";
export { isReached, type NotReached, type Reached, type Trace, type TraceStep, trace, traceNested } from "./trace.js";
export { type Trouble, type TroubleKind, Troubles } from "./trouble.js";
export { Need, walk } from "./walk.js";
