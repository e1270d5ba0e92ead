/**
 * Devices that master the bus, as models of hardware: a disk with NVMe's queues and a network card with the rings of the
 * Intel 8254x. For who writes a driver, a bus or an IOMMU and needs something on the other side: software meets them in
 * memory and registers only.
 *
 * Promised: what a driver sees is what the documents of the devices say; names and options stay as they are within a minor
 * version.
 *
 * @packageDocumentation
 */
export { Misuse } from "../base/assert.js";
export type { DmaOutcome, DmaPort } from "../bus/dma_port.js";
export type { Interrupt } from "../bus/interrupt.js";
export type { Registers } from "../bus/registers.js";
export {
  createDisk,
  createNic,
  type Device,
  type DeviceOptions,
  type Disk,
  type DiskOptions,
  type Nic,
  type NicOptions,
  runUntilIdle,
} from "../library/kernel/devices.js";
export { BadOption } from "../library/work_options.js";
