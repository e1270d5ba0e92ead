/** What travels from a bus master to memory: requests with a requester id and a bus address. */

/** Why a request did not complete. `fault`: an IOMMU refused it. `outside`: nothing answers at that address. */
export type DmaOutcome = "done" | "fault" | "outside";

/** The memory side of a bus, as a device sees it. */
export interface DmaPort {
  /**
   * Read bytes at a bus address on behalf of a device.
   * @param requester bus << 8 | device << 3 | function
   * @param address byte address on the bus; what translates it is not the device's business
   */
  read(requester: number, address: number, into: Uint8Array): DmaOutcome;
  write(requester: number, address: number, from: Uint8Array): DmaOutcome;
}

/** `0000:00:03.0` -> 0x0018. @returns null for text that is no device address of segment 0. */
export function requesterOf(bdf: string): number | null {
  const [, bus, device, fn] = /^0000:([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])$/.exec(bdf) ?? [];
  if (bus === undefined) return null;
  const slot = parseInt(device!, 16);
  return slot > 31 ? null : (parseInt(bus, 16) << 8) | (slot << 3) | Number(fn);
}
