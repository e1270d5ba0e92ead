/**
 * A batch of events in memory: the columns of `EventBatch` under their names there, one behind another. Each is where it
 * begins, in bytes from the batch's own beginning.
 */

/** Events, and entries of each column of lists. */
export const capacity: i32 = 16384;
export const listCapacity: i32 = 1 << 18;

export const time: i32 = 0;
export const dma: i32 = time + 8 * capacity;
export const phys: i32 = dma + 8 * capacity;
export const size: i32 = phys + 8 * capacity;
export const mask: i32 = size + 8 * capacity;
export const task: i32 = mask + 8 * capacity;
export const device: i32 = task + 4 * capacity;
export const attrs: i32 = device + 4 * capacity;
export const dmaFirst: i32 = attrs + 4 * capacity;
export const dmaCount: i32 = dmaFirst + 4 * capacity;
export const physFirst: i32 = dmaCount + 4 * capacity;
export const physCount: i32 = physFirst + 4 * capacity;
export const physTotal: i32 = physCount + 4 * capacity;
export const cpu: i32 = physTotal + 4 * capacity;
export const kind: i32 = cpu + 2 * capacity;
export const context: i32 = kind + capacity;
export const direction: i32 = context + capacity;
export const forced: i32 = direction + capacity;
export const listDma: i32 = forced + capacity;
export const listSize: i32 = listDma + 8 * listCapacity;
export const listPhys: i32 = listSize + 8 * listCapacity;
export const batchBytes: i32 = listPhys + 8 * listCapacity;

/** How much of the list columns is in use. */
export let listDmaUsed: i32 = 0;
export let listPhysUsed: i32 = 0;

export function useLists(dmaEntries: i32, physEntries: i32): void {
  listDmaUsed = dmaEntries;
  listPhysUsed = physEntries;
}

/** Give event i of a batch the absent value in every column but those of its head, as `EventBatch.blank` does. */
export function blank(batch: usize, i: i32): void {
  const by1 = batch + i;
  const by4 = batch + (i << 2);
  const by8 = batch + (i << 3);
  store<u8>(by1, 0, kind);
  store<i32>(by4, -1, device);
  store<u8>(by1, 255, direction);
  store<i32>(by4, 0, attrs);
  store<f64>(by8, NaN, dma);
  store<f64>(by8, NaN, phys);
  store<f64>(by8, NaN, size);
  store<f64>(by8, NaN, mask);
  store<u8>(by1, 0, forced);
  store<i32>(by4, listDmaUsed, dmaFirst);
  store<i32>(by4, 0, dmaCount);
  store<i32>(by4, listPhysUsed, physFirst);
  store<i32>(by4, 0, physCount);
  store<i32>(by4, 0, physTotal);
}

/** Append to the bus half of the list of event i. @returns false when there is no room. */
export function pushDma(batch: usize, i: i32, address: f64, bytes: f64): bool {
  if (listDmaUsed === listCapacity) return false;
  store<f64>(batch + (listDmaUsed << 3), address, listDma);
  store<f64>(batch + (listDmaUsed << 3), bytes, listSize);
  listDmaUsed++;
  store<i32>(batch + (i << 2), load<i32>(batch + (i << 2), dmaCount) + 1, dmaCount);
  return true;
}

/** Append to the physical half of the list of event i. @returns false when there is no room. */
export function pushPhys(batch: usize, i: i32, address: f64): bool {
  if (listPhysUsed === listCapacity) return false;
  store<f64>(batch + (listPhysUsed << 3), address, listPhys);
  listPhysUsed++;
  store<i32>(batch + (i << 2), load<i32>(batch + (i << 2), physCount) + 1, physCount);
  return true;
}
