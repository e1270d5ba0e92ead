/**
 * DMA that firmware set up and that goes on after the kernel took over: the commonest cause of faults at boot.
 *
 * Graphics read the framebuffer, USB controllers the keyboard emulation's lists, BMCs and RAID cards their mailboxes, in
 * memory that no RMRR (VT-d) or IVMD (AMD) names to the kernel.
 */
import { hex } from "../../../base/hex.js";
import type { LogFault } from "../../../read/index.js";
import type { FaultKind } from "../../../spec/dma/fault_kind.js";
import type { MachineContext } from "../context.js";
import type { Diagnosis } from "../finding.js";
import type { Circumstance } from "./advice.js";

/** Drivers that set up their devices' DMA mostly come later. Microseconds. */
const earlyMax = 5e6;

/** Not `permission`: what is mapped at all, the kernel mapped. */
const possible: ReadonlySet<FaultKind> = new Set(["no-entry", "unmapped", "unmapped-or-permission"]);
/** Also while tables are being written. */
const possibleEarly: ReadonlySet<FaultKind> = new Set(["table-access", "bad-table"]);

export const reservedWords = {
  "memory map": "reserved (memory map)",
  RMRR: "an RMRR",
  IVMD: "an IVMD range",
} as const;

/** What in the log speaks for firmware. */
export interface FirmwareSigns {
  /** For a reader; at least one. */
  readonly words: readonly string[];
  readonly graphics: boolean;
  /** Where the address lies, if the log calls that reserved. */
  readonly range: keyof typeof reservedWords | null;
  /** One weak sign alone - early, or the place of the graphics - is what is often so, and no more. */
  readonly sure: boolean;
}

/** @returns null when nothing speaks for firmware. */
export function firmwareSigns(
  fault: LogFault,
  kind: FaultKind,
  machine: MachineContext,
  where: Circumstance,
): FirmwareSigns | null {
  const { address, time } = fault;
  const early = time !== null && time < earlyMax;
  const fits = possible.has(kind) || (early && possibleEarly.has(kind));
  if (!fits || fault.interrupt || fault.pasid !== null || where.vfio) return null;
  const low = address !== null && address >= 0x1000n && address < 0x100000n;
  const range = address === null ? undefined : machine.reserved.find((r) => address >= r.from && address < r.to);
  const graphics = isIntelGraphics(fault);
  const words = [
    early ? `it came ${(time / 1e6).toFixed(2)} s after boot` : "",
    low ? "the address is below 1 MiB" : "",
    range === undefined
      ? ""
      : `the address is in ${hex(range.from)}-${hex(range.to - 1)}, which this log calls ${reservedWords[range.by]}`,
    graphics ? "00:02.0 is the place of Intel's graphics" : "",
  ].filter((word) => word !== "");
  if (words.length === 0) return null;
  return { words, graphics, range: range?.by ?? null, sure: low || range !== undefined || words.length > 1 };
}

/** Put firmware's part before the other causes. */
export function withFirmware(
  verdict: Diagnosis,
  usually: string,
  signs: FirmwareSigns | null,
  where: Circumstance,
): Diagnosis {
  if (signs === null) return verdict;
  const lead = verdict.cause.slice(0, verdict.cause.length - usually.length).trimEnd();
  const how = signs.sure
    ? "Most likely"
    : signs.graphics
      ? "With this device it is often so that"
      : "So early it is often so that";
  return {
    ...verdict,
    cause: `${lead} ${how} ${cause(signs)}. If it goes on when the device's driver is at work: ${lower(usually)}`,
    evidence: `${verdict.evidence}; ${signs.words.join("; ")}`,
    do: `${firmwareAdvice(signs, where)} Only if it goes on later: ${lower(verdict.do)}`,
  };
}

function cause({ graphics, range, sure }: FirmwareSigns): string {
  if (range === "RMRR" || range === "IVMD") {
    return (
      `firmware keeps this range for the DMA of a device (${range}), and it is not mapped for this one: the table names ` +
      "another device, or the mapping was lost when the device changed its domain"
    );
  }
  if (graphics) {
    return `the graphics unit reads or writes what firmware${sure ? "" : ", or the driver before,"} gave it (the framebuffer on the screen)`;
  }
  return "firmware (after kexec or a crash: the kernel before) programmed this device, and it goes on in memory that nothing names to the kernel (no RMRR, IVMD or RMR)";
}

export function firmwareAdvice({ graphics }: FirmwareSigns, where: Circumstance): string {
  if (where.unit !== "vtd" && where.unit !== "amdvi") {
    return "Have the boot loader or firmware stop the device, or list its memory as reserved for it (RMR in IORT, memory-region with iommu-addresses in the device tree).";
  }
  const update =
    "Update the firmware: it has to list such memory (RMRR, IVMD) for the device, or stop the device before it hands over.";
  if (where.xen) {
    const igfx = graphics ? " iommu=no-igfx on its command line takes the graphics unit out of remapping." : "";
    return `${update} Xen's rmrr= option can name the missing range.${igfx}`;
  }
  if (graphics)
    return `${update} intel_iommu=on,igfx_off takes the graphics unit out of remapping, where it has a unit of its own.`;
  return `${update} Switch off in its setup what uses the device before the system does (legacy USB, the card's boot ROM, remote management).`;
}

export function isIntelGraphics(fault: LogFault): boolean {
  return fault.unit === "vtd" && /^(?:0000:)?00:02\.0$/.test(fault.device ?? "");
}

const lower = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
