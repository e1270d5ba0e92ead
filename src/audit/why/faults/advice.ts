/** What usually lies behind a fault of each kind, and what to do: the part that vendors' fault codes share. */
import type { FaultUnit, LogFault } from "../../../read/index.js";
import type { FaultKind } from "../../../spec/dma/fault_kind.js";
import type { MachineContext } from "../context.js";

export interface FaultAdvice {
  readonly usually: string;
  readonly do: string;
}

/** A kind of fault, or the part of one that needs other advice. */
export type AdviceKey =
  | FaultKind
  /** The root entry: a whole bus. */
  | "no-bus"
  /** An entry of a PASID. */
  | "no-pasid"
  /** An entry of a stream (SMMU, DART). */
  | "no-stream"
  | "command-refused"
  | "command-unread"
  | "no-answer"
  | "wrong-answer"
  /** An entry that the processor sees and the unit did not. */
  | "unflushed"
  /** A write to the doorbell of a message-signalled interrupt. */
  | "doorbell";

/** Who could act on the advice. */
export interface Circumstance {
  readonly unit: FaultUnit;
  readonly xen: boolean;
  /** The device belongs to a guest or to a program, by VFIO. */
  readonly vfio: boolean;
}

export function circumstanceOf(fault: LogFault, machine: MachineContext): Circumstance {
  const { device, driver } = fault;
  const held = device !== null && (machine.vfio.has(device) || machine.vfio.has(`0000:${device}`));
  return { unit: fault.unit, xen: fault.xen || machine.xen, vfio: held || driver?.startsWith("vfio") === true };
}

/** How to find the mapping that is missing, and what lets the machine run until then - where anything does. */
function find(where: Circumstance): string {
  if (where.xen) {
    return (
      "Look which domain owns the device: for a guest's, its own log and driver; for dom0's, record " +
      "trace_event=dma there until the fault returns. Xen itself maps for dom0 what firmware and " +
      "dom0-iommu=map-reserved or map-inclusive tell it to"
    );
  }
  if (where.vfio) {
    return (
      "The device belongs to VFIO: what it may reach is what the guest's memory, or the program, mapped. Look at the " +
      "guest's driver, and whether the guest was being reset or stopped; iommu.passthrough=1 does nothing for such a device"
    );
  }
  const record =
    "Record with trace_event=dma,iommu until the fault returns, then look which mapping last held that address and " +
    "when it was unmapped";
  const always: readonly FaultUnit[] = ["apple-dart", "other"];
  return always.includes(where.unit)
    ? record
    : `${record}. Until it is fixed, iommu.passthrough=1 (or iommu=pt) takes the check away, and the protection with it`;
}

const remapping = (where: Circumstance): string =>
  where.xen ? "iommu=no-intremap on Xen's command line" : "intremap=off (or intremap=nosid)";

type Texts = readonly [usually: string, doIt: string | ((where: Circumstance) => string)];

const texts: Readonly<Record<AdviceKey, Texts>> = {
  "no-entry": [
    "The device was never set up for DMA: firmware tables leave it out, it sends with the id of a function that " +
      "does not exist (some SATA, RAID and capture cards do), or it still runs after its driver was detached.",
    "Compare the id in the line with lspci: if no such function exists, the device needs an alias quirk in the " +
      "kernel. Else update the firmware, and say which driver was bound or unbound at that moment.",
  ],
  "no-bus": [
    "A root entry serves a whole bus: the kernel had set up no device there, or its table was not filled yet, or not " +
      "flushed to memory. It says nothing of a single function.",
    "Say what was being switched at that moment (boot, kexec, hotplug of the bus) and give the lines around it; if the " +
      "kernel runs after a crash (kdump), the old kernel's devices still run.",
  ],
  "no-pasid": [
    "The PASID was never bound, or was just unbound while the device still used it, or its new entry was not flushed " +
      "to memory.",
    "Look what ended at that moment (a process that used shared virtual addressing, a driver's queue): the driver has " +
      "to drain the device before it unbinds a PASID.",
  ],
  "no-stream": [
    "Nobody told the kernel of this stream: IORT or the device tree (iommus, iommu-map) does not cover the device or its " +
      "bus, the stream table is too small for the number, or the device runs before it has a driver.",
    "Compare the stream with IORT (ACPI) or with iommus and iommu-map (device tree), and report it to whoever makes the " +
      "firmware or the tree.",
  ],
  "bad-table": [
    "The kernel wrote an entry that this hardware refuses, or the table's memory was overwritten.",
    (where) =>
      "Report it to the IOMMU driver's developers with the full boot log; meanwhile try another mode of the unit" +
      `${modes[where.unit] ?? ""}. A memory image holds the entry as it was.`,
  ],
  "table-access": [
    "The table's memory could not be read: a wrong table address, memory that was freed or offlined, or failing " +
      "hardware.",
    "Look for memory and PCI errors (EDAC, AER, MCE) around that time; a memory image shows where the tables point.",
  ],
  unmapped: [
    "The device used an address that was unmapped, or never mapped: a driver unmapped a buffer too early, gave the " +
      "device an address that did not come from the DMA API, or the device ran past the end of a buffer.",
    (where) => `${find(where)}.`,
  ],
  permission: [
    "The buffer is mapped for the other direction: the device writes to what was mapped to be read (or the reverse).",
    (where) => `Look at the direction the driver gave (DMA_TO_DEVICE or DMA_FROM_DEVICE). ${find(where)}.`,
  ],
  "unmapped-or-permission": [
    "The device used an address that is not mapped (unmapped too early, never mapped, or beyond a buffer's end), " +
      "or that is mapped for the other direction only. The code does not tell the two apart.",
    (where) => `${find(where)}.`,
  ],
  "address-width": [
    "The device sent an address that no mapping can have: a damaged descriptor, a wrong DMA mask, or a " +
      "sign-extended 32-bit address.",
    "Check the DMA mask that the driver sets and the descriptor it wrote; note whether the upper bits are all ones " +
      "or noise.",
  ],
  "request-type": [
    "The device uses ATS, PASIDs or page requests that its entry does not enable, or firmware says it may and the " +
      "kernel did not turn it on.",
    "Switch the feature off for a test (pci=noats, or without PASIDs), and report device and firmware if that " +
      "cures it.",
  ],
  "interrupt-range": [
    "A DMA address, or what it translates to, lies where writes are interrupts (0xfee00000 to 0xfeefffff).",
    "A driver gave the device a wrong address, or an identity mapping includes that range: look at the device's " +
      "mappings there.",
  ],
  interrupt: [
    "Interrupt remapping refused an interrupt: a device that kept an old interrupt address across suspend, kexec " +
      "or a driver reload, or firmware that names the wrong source.",
    (where) =>
      `Reset or power-cycle the device and update the firmware. ${remapping(where)} tells whether remapping is the ` +
      "reason - for a test only: without it a device can raise any interrupt, and devices given to guests are not contained.",
  ],
  command: [
    "The unit stopped on a command, or a device with its own TLB (ATS) was gone or hung when it was told to forget " +
      "addresses.",
    "Look for link errors or a removed device just before (AER, hotplug). If one device keeps doing it, switch its " +
      "ATS off (pci=noats).",
  ],
  "command-refused": [
    "The unit stopped at a command that it takes for malformed: the kernel wrote a wrong one, the queue's memory was " +
      "overwritten, or an emulated unit does not know the command. No device and no link is involved.",
    "Report it to the IOMMU driver's developers - of the hypervisor, if the unit is emulated - with the words of the " +
      "command that follow, kernel release and unit.",
  ],
  "command-unread": [
    "The unit could not read its command queue: a wrong address of the queue, memory that was taken away, or a bus error.",
    "Look for memory errors (EDAC, MCE, RAS) around that time, and whether the unit or its memory was being powered down " +
      "or taken over (suspend, kexec); report it with the boot log.",
  ],
  "no-answer": [
    "A device with its own TLB (ATS) was gone or hung when it was told to forget addresses.",
    "Look for link errors or a removed device just before (AER, hotplug). If this device keeps doing it, switch its " +
      "ATS off (pci=noats).",
  ],
  "wrong-answer": [
    "A device with its own TLB (ATS) answered what it was not asked, or answered twice: a fault of the device, or of a switch " +
      "on the way.",
    "Update the device's firmware, and switch its ATS off (pci=noats) if it keeps doing it.",
  ],
  ownership: [
    "A device or the host touched memory that belongs to a confidential guest, or whose ownership was not changed " +
      "back.",
    "Look at what was just assigned to or taken from a guest; shared buffers must be converted before a device " +
      "uses them.",
  ],
  conflict: [
    "A translation or an entry was changed while the old one was still cached, without the flush the architecture " +
      "demands.",
    "Report it to the IOMMU driver's developers, with what was being mapped, attached or replaced at that moment.",
  ],
  unflushed: [
    "The kernel wrote the entry and did not flush it from the processor's cache to memory, where a unit that does not snoop " +
      "reads it (ECAP.C 0) - unless it was written between the fault and the dump.",
    "Report it to the IOMMU driver's developers, with the dump and the unit's ECAP register (dmesg prints it at boot); a newer " +
      "kernel may flush there already.",
  ],
  doorbell: [
    "That place in a page is the doorbell of message-signalled interrupts (GITS_TRANSLATER of an ITS; a GICv2m frame " +
      "has its own there, too): it looks like an MSI whose page is not mapped for this device. (If no interrupt is missing, " +
      "it is an address like any other that is not mapped.)",
    (where) =>
      where.xen
        ? "Xen has to map the doorbell for the domain that owns the device: report it with Xen's release and the machine."
        : "Look whether the device's interrupts were set up through another unit or by a guest (msi-parent, msi-map, IORT), " +
          "and whether the mapping of the MSI page was lost when the device changed its domain.",
  ],
};

const modes: Readonly<Partial<Record<FaultUnit, string>>> = {
  vtd: " (legacy instead of scalable with intel_iommu=sm_off, fewer page-table levels)",
  amdvi: " (amd_iommu=pgtbl_v1 or pgtbl_v2)",
};

export function adviceFor(key: AdviceKey, where: Circumstance): FaultAdvice {
  const [usually, doIt] = texts[key];
  return { usually, do: typeof doIt === "string" ? doIt : doIt(where) };
}

/** What a fault's address says by itself. @returns "" when it says nothing. */
export function addressHint({ address, unit }: LogFault): string {
  if (address === null) return "";
  if (address >= 0xffffffffffff0000n) {
    return (
      "the address is all ones or just below: the driver used a mapping that had failed (dma_mapping_error not " +
      "checked)"
    );
  }
  if (address < 0x1000n)
    return "the address is 0 or just above: a descriptor that was never filled in, or already cleared";
  if (address >= 0xffff800000000000n && address < 0xffffe00000000000n) {
    return "the address looks like a kernel pointer: the driver did not map the buffer at all";
  }
  const x86 = unit === "vtd" || unit === "amdvi";
  if (x86 && address >= 0xfee00000n && address <= 0xfeefffffn)
    return "the address is in the range of interrupt messages";
  const hypertransport = (address & 0xffffffffffn) >> 24n === 0xfdf8n;
  return unit === "amdvi" && hypertransport ? "the address is in the range by which AMD systems carry interrupts" : "";
}

/** GITS_TRANSLATER lies at 0x40 of its 64 KiB page; a GICv2m frame's MSI_SETSPI_NS at 0x40 of its own. */
export const isDoorbell = (fault: LogFault): boolean =>
  fault.write === true && fault.address !== null && (fault.address & 0xfffn) === 0x40n;

/** Sentence parts joined, empty ones left out. */
export function joined(...parts: readonly string[]): string {
  return parts.filter((p) => p !== "").join("; ");
}
