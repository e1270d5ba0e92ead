/** How a device's requests are placed, at a time (microseconds; as for the most part without one). */
export interface Alignments {
  minAlignMask(device: number, time?: number): number;
  allocAlignMask(device: number): number;
  boundarySlots(device: number, time?: number): number;
}
