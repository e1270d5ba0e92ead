/**
 * Fault lines of Intel VT-d ("DMAR:").
 *
 * Three generations: one line with the reason in hexadecimal ("[fault reason 0x06]", since 5.11); one line with the
 * reason in decimal ("[fault reason 06]", where interrupt remapping's 0x26 reads 38); and two lines, the second with
 * the reason. Source: Linux drivers/iommu/intel/dmar.c (dmar_fault_do_one), and its older forms.
 */
import { faultReasons, faultStatusBits } from "../../../spec/vtd/fault_reasons.js";
import type { Verdict } from "../finding.js";
import { hex } from "../words.js";
import { addressHintOf, faultAdvice, joined } from "./advice.js";

const request = new RegExp(
  [
    /\[?(DMA Read|DMA Write|INTR-REMAP)(?: NO_PASID| PASID (?:0x)?([0-9a-f]{1,8}))?\]?:? /,
    /Request device \[{1,2}([0-9a-f:.]{5,12})\](?: PASID ([0-9a-f]{1,8}))? /,
    /fault (?:addr|index) (?:0x)?([0-9a-f]{1,16})/,
  ]
    .map((part) => part.source)
    .join(""),
);
const reasonPart = /\[fault reason (0x[0-9a-f]{1,2}|\d{1,3})\]/;
const status = /DRHD: handling fault status reg ([0-9a-f]{1,8})/;

export interface DmarRequest {
  readonly access: "DMA Read" | "DMA Write" | "INTR-REMAP";
  readonly device: string;
  readonly pasid: string | null;
  /** Hexadecimal digits: an address, or the index of an interrupt. */
  readonly address: string;
}

/** @returns null when the text is no request of a fault line. */
export function dmarRequest(text: string): DmarRequest | null {
  const m = request.exec(text);
  if (m === null) return null;
  return { access: m[1] as DmarRequest["access"], device: m[3]!, pasid: m[2] ?? m[4] ?? null, address: m[5]! };
}

/** @returns the reason's code, or null when the text has none. Digits without 0x are decimal. */
export function dmarReason(text: string): number | null {
  const m = reasonPart.exec(text);
  return m === null ? null : Number(m[1]!.startsWith("0x") ? m[1] : Number.parseInt(m[1]!, 10));
}

/** @param request null when only the reason's half of a two-line fault is known. */
export function explainDmar(request: DmarRequest | null, code: number | null): Verdict {
  const reason = code === null ? undefined : faultReasons[code];
  const who = request === null ? "" : whatWasTried(request);
  const device = request === null ? {} : { device: request.device };
  if (reason === undefined) {
    const why =
      code === null
        ? "the line carries no reason; the next line of the log may"
        : `reason ${hex(code)} is reserved or newer than this table`;
    return {
      kind: "dmar-unknown",
      cause: "The IOMMU (VT-d) refused an access, and why cannot be told from this line.",
      evidence: joined(who, why),
      do: "Give the whole log, or the following line.",
      ...device,
    };
  }
  const advice = faultAdvice[reason.kind];
  return {
    kind: `dmar-${reason.kind}`,
    cause:
      `The IOMMU (VT-d) refused ` +
      `${request?.access === "INTR-REMAP" ? "an interrupt" : "a DMA"}: ${reason.words}. ${advice.usually}`,
    evidence: joined(
      who,
      `fault reason ${hex(code!)}`,
      request?.access === "INTR-REMAP" || request === null ? "" : addressHintOf(request.address),
    ),
    do: advice.do,
    ...device,
  };
}

function whatWasTried(r: DmarRequest): string {
  const pasid = r.pasid === null ? "" : ` with PASID 0x${r.pasid}`;
  if (r.access === "INTR-REMAP") return `device ${r.device} sent an interrupt with index 0x${r.address}`;
  return `device ${r.device} tried to ${r.access === "DMA Read" ? "read from" : "write to"} 0x${r.address}${pasid}`;
}

/** "DRHD: handling fault status reg 2": the register's bits. @returns null for another line. */
export function explainDmarStatus(text: string): Verdict | null {
  const m = status.exec(text);
  if (m === null) return null;
  const value = Number.parseInt(m[1]!, 16),
    said: string[] = [];
  for (const [bit, words] of Object.entries(faultStatusBits)) if ((value >>> Number(bit)) & 1) said.push(words);
  const queue = (value & 0x70) !== 0;
  return {
    kind: queue ? "dmar-command" : "dmar-status",
    cause: queue
      ? `The IOMMU (VT-d) stopped its queue of flush commands. ${faultAdvice.command.usually}`
      : "The IOMMU (VT-d) reports faults; the lines that follow name them.",
    evidence: `status register 0x${m[1]}: ${said.join("; ") || "no bit that is defined"}`,
    do: queue ? faultAdvice.command.do : "Read the fault lines that follow.",
    notice: !queue,
  };
}
