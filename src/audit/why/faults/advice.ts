/** What usually lies behind a fault of each kind, and what to do: the part that vendors' fault codes share. */
import type { FaultKind } from "../../../spec/dma/fault_kind.js";

export interface FaultAdvice {
  readonly usually: string;
  readonly do: string;
}

const mappingDo =
  "Record with trace_event=dma,iommu until the fault returns, then look which mapping last held that address and " +
  "when it was unmapped. Until it is fixed, iommu.passthrough=1 (or iommu=pt) takes the check away, and the " +
  "protection with it.";

export const faultAdvice: Readonly<Record<FaultKind, FaultAdvice>> = {
  "no-entry": {
    usually:
      "The device was never set up for DMA: firmware tables leave it out, it sends with the id of a function that " +
      "does not exist (some SATA, RAID and capture cards do), or it still runs after its driver was detached.",
    do:
      "Compare the id in the line with lspci: if no such function exists, the device needs an alias quirk in the " +
      "kernel. Else update the firmware, and say which driver was bound or unbound at that moment.",
  },
  "bad-table": {
    usually: "The kernel wrote an entry that this hardware refuses, or the table's memory was overwritten.",
    do:
      "Report it to the IOMMU driver's developers with the full boot log; meanwhile try another mode of the unit " +
      "(legacy instead of scalable, fewer page-table levels). A memory image holds the entry as it was.",
  },
  "table-access": {
    usually:
      "The table's memory could not be read: a wrong table address, memory that was freed or offlined, or failing " +
      "hardware.",
    do:
      "Look for memory and PCI errors (EDAC, AER, MCE) around that time; a memory image shows " +
      "where the tables point.",
  },
  unmapped: {
    usually:
      "The device used an address that was unmapped, or never mapped: a driver unmapped a buffer too early, gave the " +
      "device an address that did not come from the DMA API, or the device ran past the end of a buffer.",
    do: mappingDo,
  },
  permission: {
    usually:
      "The buffer is mapped for the other direction: the device writes to what was mapped to be read (or the reverse).",
    do: `Look at the direction the driver gave (DMA_TO_DEVICE or DMA_FROM_DEVICE). ${mappingDo}`,
  },
  "unmapped-or-permission": {
    usually:
      "The device used an address that is not mapped (unmapped too early, never mapped, or beyond a buffer's end), " +
      "or that is mapped for the other direction only. The code does not tell the two apart.",
    do: mappingDo,
  },
  "address-width": {
    usually:
      "The device sent an address that no mapping can have: a damaged descriptor, a wrong DMA mask, or a " +
      "sign-extended 32-bit address.",
    do:
      "Check the DMA mask that the driver sets and the descriptor it wrote; note whether the upper bits are all ones " +
      "or noise.",
  },
  "request-type": {
    usually:
      "The device uses ATS, PASIDs or page requests that its entry does not enable, or firmware says it may and the " +
      "kernel did not turn it on.",
    do:
      "Switch the feature off for a test (pci=noats, or without PASIDs), and report device and firmware if that " +
      "cures it.",
  },
  "interrupt-range": {
    usually: "A DMA address, or what it translates to, lies where writes are interrupts (0xfee00000 to 0xfeefffff).",
    do:
      "A driver gave the device a wrong address, or an identity mapping includes that range: look at the device's " +
      "mappings there.",
  },
  interrupt: {
    usually:
      "Interrupt remapping refused an interrupt: a device that kept an old interrupt address across suspend, kexec " +
      "or a driver reload, or firmware that names the wrong source.",
    do:
      "Reset or power-cycle the device and update the firmware; intremap=off (or intremap=nosid) tells whether " +
      "remapping is the reason.",
  },
  command: {
    usually:
      "The unit stopped on a command, or a device with its own TLB (ATS) was gone or hung when it was told to forget " +
      "addresses.",
    do:
      "Look for link errors or a removed device just before (AER, hotplug). If one device keeps doing it, switch its " +
      "ATS off (pci=noats).",
  },
  ownership: {
    usually:
      "A device or the host touched memory that belongs to a confidential guest, or whose ownership was not changed " +
      "back.",
    do:
      "Look at what was just assigned to or taken from a guest; shared buffers must be converted before a device " +
      "uses them.",
  },
  conflict: {
    usually:
      "A translation or an entry was changed while the old one was still cached, without the flush the architecture " +
      "demands.",
    do: "Report it to the IOMMU driver's developers, with what was being mapped, attached or replaced at that moment.",
  },
};

/** What an address says by itself. @param low, high the 32-bit halves. @returns "" when it says nothing. */
export function addressHint(high: number, low: number): string {
  if (high === 0xffffffff && low >= 0xffff0000) {
    return (
      "the address is all ones or just below: the driver used a mapping that had failed (dma_mapping_error not " +
      "checked)"
    );
  }
  if (high === 0 && low < 0x1000)
    return "the address is 0 or just above: a descriptor that was never filled in, or already cleared";
  if (high === 0 && low >= 0xfee00000 && low <= 0xfeefffff) return "the address is in the range of interrupt messages";
  if (low >>> 24 === 0xf8 && (high & 0xff) === 0xfd)
    return "the address is in the range by which AMD systems carry interrupts";
  if (high >= 0xffff8000 && high < 0xffffe000) {
    return "the address looks like a kernel pointer: the driver did not map the buffer at all";
  }
  return "";
}

/** The same for hexadecimal digits, with or without 0x. */
export function addressHintOf(text: string): string {
  const digits = text.replace(/^0x/, "").padStart(16, "0").slice(-16);
  return addressHint(Number.parseInt(digits.slice(0, 8), 16), Number.parseInt(digits.slice(8), 16));
}

/** Sentence parts joined, empty ones left out. */
export function joined(...parts: readonly string[]): string {
  return parts.filter((p) => p !== "").join("; ");
}
