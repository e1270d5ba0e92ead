/**
 * Windows of a function by its configuration header: base address registers, and what a bridge forwards.
 *
 * Source: PCI Express Base Specification 6.0, 7.5.1.2.1 (base address registers), 7.5.1.3.8 and 7.5.1.3.9 (windows of
 * bridges). How long a window of a device is no register says; it has at least a page for itself, as Linux lays them out.
 */
import { u64 } from "../../../base/u64.js";
import { ConfigurationHeader } from "../../../spec/pcie/configuration.js";
import { structureAt } from "../acpi/bytes.js";
import type { Window } from "./device.js";

const firstBarAt = 0x10;
const bridgeMemoryAt = 0x20;
const bridgePrefetchableAt = 0x24;
const bridgePrefetchableHighAt = 0x28;
/** Bit 1 of the command register: the function answers to memory addresses. */
const memoryEnable = 2;
const windowBytesMin = 4096;

/** @param bytes at least the 64 of the header */
export function barsOf(bytes: Uint8Array): Window[] {
  const head = structureAt(bytes, 0, ConfigurationHeader.$);
  if (head === null || (head.get(ConfigurationHeader.command) & memoryEnable) === 0) return [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isBridge = head.get(ConfigurationHeader.headerType) === 1;
  const windows: Window[] = [];
  for (let n = 0; n < (isBridge ? 2 : 6); n++) {
    const low = view.getUint32(firstBarAt + 4 * n, true);
    // Bit 0: an I/O port. Bits 2:1, value 2: the next register is the upper half.
    if ((low & 1) !== 0) continue;
    const isWide = (low & 6) === 4;
    const from = u64(low - (low % 16), isWide ? view.getUint32(firstBarAt + 4 * ++n, true) : 0);
    if (from > 0) windows.push({ from, to: from + windowBytesMin });
  }
  return [...windows, ...(isBridge ? forwarded(view) : [])].filter((w) => w.to <= 2 ** 52);
}

/** Bits 15:4 of base and limit are address bits 31:20; a base above its limit forwards nothing. */
function forwarded(view: DataView): Window[] {
  const megabytes = (at: number) => (view.getUint16(at, true) >>> 4) * 2 ** 20;
  const isWide = (view.getUint16(bridgePrefetchableAt, true) & 15) === 1;
  const high = (at: number) => (isWide ? view.getUint32(at, true) : 0);
  const both = [
    { from: megabytes(bridgeMemoryAt), to: megabytes(bridgeMemoryAt + 2) + 2 ** 20 },
    {
      from: u64(megabytes(bridgePrefetchableAt), high(bridgePrefetchableHighAt)),
      to: u64(megabytes(bridgePrefetchableAt + 2), high(bridgePrefetchableHighAt + 4)) + 2 ** 20,
    },
  ];
  return both.filter(({ from, to }) => from > 0 && from < to);
}
