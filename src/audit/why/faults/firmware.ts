/**
 * DMA that firmware set up and that goes on after the kernel took over: the commonest cause of faults at boot.
 *
 * Graphics read the framebuffer, USB controllers the keyboard emulation's lists, BMCs and RAID cards their mailboxes, in
 * memory that no RMRR (VT-d) or IVMD (AMD) names to the kernel.
 */
import type { LogFault } from "../../../read/index.js";
import type { FaultKind } from "../../../spec/dma/fault_kind.js";
import type { MachineContext } from "../context.js";
import type { Verdict } from "../finding.js";
import type { Circumstance } from "./advice.js";
import { hexOf } from "./advice.js";

/** Drivers that set up their devices' DMA mostly come later. Microseconds. */
const earlyMax = 5e6;

/** Not `permission`: what is mapped at all, the kernel mapped. */
const possible: ReadonlySet<FaultKind> = new Set(["no-entry", "unmapped", "unmapped-or-permission", "table-access"]);

export const reservedWords = {
  "memory map": "reserved (memory map)",
  RMRR: "an RMRR",
  IVMD: "an IVMD range",
} as const;

/** @returns what in the log speaks for firmware; empty when nothing does. */
export function firmwareSigns(fault: LogFault, kind: FaultKind, machine: MachineContext): string[] {
  if (!possible.has(kind) || fault.interrupt || fault.pasid !== null || fault.topic !== "access") return [];
  const { address, time } = fault;
  const signs: string[] = [];
  if (time !== null && time < earlyMax) signs.push(`it came ${(time / 1e6).toFixed(2)} s after boot`);
  if (address !== null && address >= 0x1000n && address < 0x100000n) signs.push("the address is below 1 MiB");
  const range = address === null ? undefined : machine.reserved.find((r) => address >= r.from && address < r.to);
  if (range !== undefined) {
    signs.push(
      `the address is in ${hexOf(range.from)}-${hexOf(range.to - 1)}, which this log calls ${reservedWords[range.by]}`,
    );
  }
  if (isIntelGraphics(fault)) signs.push("00:02.0 is the place of Intel's graphics");
  return signs;
}

/** Put firmware's part before the other causes. */
export function withFirmware(
  verdict: Verdict,
  usually: string,
  fault: LogFault,
  signs: readonly string[],
  where: Circumstance,
): Verdict {
  if (signs.length === 0) return verdict;
  const graphics = isIntelGraphics(fault);
  // One sign alone - early, or the place of the graphics - is what is often so, and no more.
  const sure = signs.length > 1 || (!graphics && !signs[0]!.startsWith("it came"));
  const what = graphics
    ? `the graphics unit reads or writes what firmware${sure ? "" : ", or the driver before,"} gave it (the framebuffer on the screen)`
    : "firmware (after kexec or a crash: the kernel before) programmed this device, and it goes on in memory that nothing names to the kernel (no RMRR, IVMD or RMR)";
  const lead = verdict.cause.slice(0, verdict.cause.length - usually.length).trimEnd();
  return {
    ...verdict,
    cause: `${lead} ${sure ? "Most likely" : graphics ? "With this device it is often so that" : "So early it is often so that"} ${what}. If it goes on when the device's driver is at work: ${lower(usually)}`,
    evidence: `${verdict.evidence}; ${signs.join("; ")}`,
    do: `${advice(fault, graphics, where)} Only if it goes on later: ${lower(verdict.do)}`,
  };
}

function advice(fault: LogFault, graphics: boolean, where: Circumstance): string {
  const update =
    "Update the firmware: it has to list such memory (RMRR, IVMD), or stop the device before it hands over.";
  if (where.xen) return `${update} Xen's rmrr= option can name the missing range.`;
  if (graphics)
    return `${update} intel_iommu=on,igfx_off takes the graphics unit out of remapping, where it has a unit of its own.`;
  if (fault.unit !== "vtd" && fault.unit !== "amdvi") {
    return "Have the boot loader or firmware stop the device, or list its memory as reserved for it (RMR in IORT, memory-region with iommu-addresses in the device tree).";
  }
  return `${update} Switch off in its setup what uses the device before the system does (legacy USB, the card's boot ROM, remote management).`;
}

export function isIntelGraphics(fault: LogFault): boolean {
  return fault.unit === "vtd" && /^(?:0000:)?00:02\.0$/.test(fault.device ?? "");
}

const lower = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
