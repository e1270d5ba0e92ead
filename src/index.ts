/**
 * Questions to recordings, logs, memory images and machines, each a function with one object of options: what `dmalab` on the command
 * line answers, as the documents that it prints with `--json`.
 *
 * Promised: these functions, their options and the keys of their documents stay as they are within a minor version; new
 * ones may come. They run in Node and in browsers, read no file, and keep nothing between two calls. An input is told by
 * its content; `.gz` and `.zst` are opened. Wrong options throw BadOption, inputs that cannot be read Unreadable; a signal
 * rejects with its reason.
 *
 * @packageDocumentation
 */

export { Misuse } from "./base/assert.js";
export type { Input, TextInput } from "./library/input.js";
export {
  type ImageOptions,
  type InspectOptions,
  inspect,
  type OtherImage,
  type RawImage,
  type RegisterValues,
} from "./library/inspect/inspect.js";
export type {
  DeviceDescription,
  EngineName,
  IommuDescription,
  MachineDescription,
  PageLifetime,
  PoolDescription,
  ProgramDescription,
  Size,
  XenDescription,
  XenModel,
} from "./library/machine_description.js";
export type { PageContent, WithPage } from "./library/page_content.js";
export { type PoolSetting, type ReplayOptions, replay, type XenDumps } from "./library/replay.js";
export { type RunMachineOptions, runMachine } from "./library/run_machine.js";
export { type WhyOptions, why } from "./library/why.js";
export { BadOption, type WorkOptions } from "./library/work_options.js";
export type { ByteSource } from "./read/bytes.js";
export { Unreadable, type Wrong } from "./read/unreadable.js";
export type * from "./report/schema/documents.js";
