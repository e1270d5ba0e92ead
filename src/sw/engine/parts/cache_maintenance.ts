/**
 * Cache maintenance around DMA of devices that do not see the CPU's cache: own pages by the CPU itself, pages of other
 * domains by the hypervisor.
 *
 * A foreign page may be mapped several times, and at the end of a DMA only its machine address is known, so the CPU
 * cannot do it by virtual address. Source: Linux arch/arm/xen/mm.c, xen_dma_sync_for_cpu and _for_device;
 * arch/arm64/mm/dma-mapping.c; Xen GNTTABOP_cache_flush.
 */
import { frameBytes } from "../../../base/frame.js";
import { attrSkipCpuSync, Direction } from "../../../spec/dma/direction.js";
import type { DmaDevice, MappedRange } from "../engine.js";
import type { EngineParts } from "./parts.js";

const xenFrame = frameBytes;

/** The device is about to access: changed lines go to memory. */
export function cacheForDevice(parts: EngineParts, device: DmaDevice, r: MappedRange): void {
  if (skips(parts, device, r)) return;
  const foreign = parts.guest.busToLocalPhys(r.bus) < 0;
  if (!foreign) parts.cache?.clean(r.bus, r.size);
  else flushForeign(parts, r, r.direction === Direction.fromDevice ? "invalidate" : "clean");
}

/** The device has written: what the CPU still holds of the range is old. */
export function cacheForCpu(parts: EngineParts, device: DmaDevice, r: MappedRange): void {
  if (skips(parts, device, r) || r.direction === Direction.toDevice) return;
  const foreign = parts.guest.busToLocalPhys(r.bus) < 0;
  if (!foreign) parts.cache?.invalidate(r.bus, r.size);
  else flushForeign(parts, r, "invalidate");
}

function skips(_parts: EngineParts, device: DmaDevice, r: MappedRange): boolean {
  return device.coherent || (r.attributes & attrSkipCpuSync) !== 0;
}

/** One call for each frame; what the hypervisor refuses is not done, and logged. */
function flushForeign(parts: EngineParts, r: MappedRange, op: "clean" | "invalidate"): void {
  for (let done = 0; done < r.size; ) {
    const bus = r.bus + done;
    const length = Math.min(xenFrame - (bus % xenFrame), r.size - done);
    const status = parts.guest.cacheFlush(bus, length, op);
    if (status !== 0) parts.log.once(`cache ${op} of a foreign frame was refused: ${status}`);
    else if (op === "clean") parts.cache?.clean(bus, length);
    else parts.cache?.invalidate(bus, length);
    done += length;
  }
}
