/** What stands before the first unit is built: the kernel that drives the devices, its memory and its bus. */
import type { DmaPort } from "../../../bus/dma_port.js";
import type { ByteMemory } from "../../../mem/byte_memory.js";
import type { Host } from "../platform/host.js";

export interface Ground {
  readonly host: Host;
  /** The host's memory as its drivers see it: watched when there are checks. */
  readonly memory: ByteMemory;
  /** The bus as devices see it: watched when there are checks. */
  readonly port: DmaPort;
  /** The same without checks: of a device to which addresses were given that the DMA API never saw. */
  readonly bus: DmaPort;
}
