/** Machines, and recordings as their workload. */

export type { Carried, CarriedSink } from "./replay/contracts/sinks.js";
export type { LogFacts } from "./replay/machine/log_facts.js";
export type { Machine } from "./replay/machine/machine.js";
export type { Setting } from "./replay/other_pools/setting.js";
export { askedSettings, autoSettings, nearbySettings } from "./replay/other_pools/settings.js";
export { type RecordingOptions, replayRecording } from "./replay/replay_recording.js";
export type * from "./replay/told/outcome.js";
export type * from "./replay/xen/outcome.js";
export type { Dated, When, XenFiles } from "./replay/xen/xen_files.js";
