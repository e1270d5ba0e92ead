/** Addresses of IOMMU domains as Linux gives them: the space, the magazines of each CPU, the queue of lazy domains. */
export { DomainSpace, type DomainSpaceShape, sizeClass } from "./domain_space.js";
export { type Flushes, FlushQueue, type FlushQueueShape, perCpuQueue, singleQueue } from "./flush_queue.js";
export { type MagazineRules, Magazines, magazinesToday } from "./magazines.js";
export { PlainIovaSpace } from "./plain_space.js";
export { type FrameSpace, IovaSpace, type IovaSpaceShape } from "./space.js";
