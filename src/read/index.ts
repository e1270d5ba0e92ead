/** Readers: recordings, logs and memory images into events and views. They take bytes and open no file. */
export { type ByteSource, memorySource } from "./bytes.js";
export * from "./event.js";
export { Names } from "./names.js";
export { openTraceDat } from "./trace_dat/open.js";
export { type Tracepoint, tracepointNamed, tracepoints } from "./tracepoints.js";
export { Unreadable, type Warning, Warnings } from "./unreadable.js";
