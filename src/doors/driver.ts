/**
 * A kernel's side of DMA: its memory, the DMA API of each device with the engine that Linux takes for it (direct, bounce
 * pool, Xen's engines), and drivers that are programs of atomic steps. For who writes a device, and wants Linux's own way
 * of driving it; or asks what the DMA API makes of a buffer.
 *
 * Promised: engines decide as Linux does, and rules of the DMA API are those of its debug code; names and options stay as
 * they are within a minor version.
 *
 * @packageDocumentation
 */
export { Broken, Misuse } from "../base/assert.js";
export { type Address, address } from "../base/frame.js";
export type { DmaOutcome, DmaPort } from "../bus/dma_port.js";
export type { Interrupt } from "../bus/interrupt.js";
export type { Registers } from "../bus/registers.js";
export {
  createDiskDriver,
  createNicDriver,
  type DiskDriver,
  type DiskDriverOptions,
  type Driver,
  type DriverOptions,
  type NicDriver,
  type NicDriverOptions,
  type Piece,
  type Transfer,
} from "../library/kernel/drivers.js";
export {
  type BrokenRule,
  createKernel,
  type Dma,
  type DmaBuffer,
  type DmaDirection,
  type DmaRange,
  type Kernel,
  type KernelOptions,
  type MappedBuffer,
  type MappedBuffers,
  type SharedMemory,
} from "../library/kernel/kernel.js";
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
export { BadOption } from "../library/work_options.js";
export type { ByteMemory } from "../mem/byte_memory.js";
export { Unreadable, type Wrong } from "../read/unreadable.js";
export type { Cause, Refusal, RefusalReason } from "../sw/engine/index.js";
export type { FullReason } from "../sw/swiotlb/explain.js";
