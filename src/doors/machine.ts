/**
 * Machines that are described: a hypervisor, guests, drivers and devices, every byte of which is real. For who sets up
 * runs by program, or builds an editor for descriptions.
 *
 * Promised: a description that was taken is taken, and a seed is the same run, within a minor version.
 *
 * @packageDocumentation
 */
export { Misuse } from "../base/assert.js";
export type { Input, TextInput } from "../library/input.js";
export { checkMachine, machineJsonSchema } from "../library/machine.js";
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
} from "../library/machine_description.js";
export { type RunMachineOptions, runMachine } from "../library/run_machine.js";
export { BadOption, type WorkOptions } from "../library/work_options.js";
export type { ByteSource } from "../read/bytes.js";
export { Unreadable, type Wrong } from "../read/unreadable.js";
export type * from "../report/schema/documents.js";
