/** Readers: recordings, logs and memory images into events and views. They take bytes and open no file. */
export { type ByteSource, memorySource } from "./bytes.js";
export * from "./event.js";
export { openFtraceText } from "./ftrace_text/open_ftrace_text.js";
export type { FrameRun, Image, ImageFormat } from "./image/image.js";
export { type ImageForm, sniffImage } from "./image/image_form.js";
export { type ImageOptions, openImage } from "./image/open_image.js";
export type { Piece } from "./image/piece.js";
export {
  type FaultTopic,
  type FaultUnit,
  type LogFault,
  valueNamed,
} from "./kernel_log/faults/fault.js";
export { FaultLines, iommuFaultsOf } from "./kernel_log/faults/fault_lines.js";
export type { LogFact, LogFinding } from "./kernel_log/finding.js";
export { type KernelLog, readKernelLog } from "./kernel_log/read_kernel_log.js";
export { Names } from "./names.js";
export { type Content, sniff } from "./open/open.js";
export { openPerfScript } from "./perf_script/perf_script.js";
export { openTraceDat } from "./trace_dat/open.js";
export { type Tracepoint, tracepointNamed, tracepoints } from "./tracepoints.js";
export { Unreadable, type Warning, Warnings } from "./unreadable.js";
export { type GuestP2m, readGuestP2m } from "./xen/guest_p2m_file.js";
export { type M2pTable, readM2p } from "./xen/m2p_file.js";
export { FrameKind, type P2mTable, readP2m } from "./xen/p2m_file.js";
export { type PoolFile, readPoolFile } from "./xen/pool_file.js";
