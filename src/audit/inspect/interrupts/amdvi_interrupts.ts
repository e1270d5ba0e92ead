/**
 * What a device table entry of AMD-Vi says of a device's interrupts: there, they are remapped for each device by itself.
 *
 * Source: AMD I/O Virtualization Technology (IOMMU) Specification 48882, section 2.2.2.1 (IV, IntCtl, IntTabLen).
 */
import { read } from "../../../bits/field.js";
import { DeviceEntry } from "../../../spec/amdvi/device_entry.js";
import type { Attachment } from "../../../table/device/attachment.js";
import type { UnitMemory } from "../registers/memory.js";

/** The smallest entry of an interrupt table; with a guest APIC, entries have 16 bytes. */
const entryBytesMin = 4;

/** @returns null when the device has no device table entry */
export function amdviInterrupts({
  entries,
}: Pick<Attachment, "entries">): { readonly remapped: boolean; readonly table: UnitMemory | null } | null {
  const words = entries.find((e) => e.about === DeviceEntry.$)?.words;
  if (words === undefined) return null;
  if (read(words, 0, DeviceEntry.iv) === 0) return { remapped: false, table: null };
  const control = read(words, 0, DeviceEntry.intCtl);
  // 0: fixed interrupts are refused; 1: they pass as they are.
  if (control !== 2) return { remapped: control !== 1, table: null };
  const from = read(words, 0, DeviceEntry.intRoot) * 64;
  const bytes = 2 ** read(words, 0, DeviceEntry.intTabLen) * entryBytesMin;
  return { remapped: true, table: { use: "interrupt table", from, to: from + bytes } };
}
