/** Machines, and recordings as their workload. */
export type { LogFacts, Machine } from "./replay/machine.js";
export type * from "./replay/outcome.js";
export type { Carried, CarriedSink } from "./replay/pool_model.js";
export { type RecordingOptions, replayRecording } from "./replay/replay_recording.js";
export { askedSettings, autoSettings, nearbySettings } from "./replay/settings.js";
export type { Setting } from "./replay/what_if.js";
export type * from "./replay/xen/outcome.js";
export type { Dated, When, XenFiles } from "./replay/xen/xen_files.js";
