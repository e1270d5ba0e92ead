/**
 * Fault lines of an Arm SMMUv1 or v2, and of Qualcomm's and NVIDIA's kin.
 *
 * "Unhandled context fault: fsr=…, iova=…, fsynr=…, cbfrsynra=…, cb=…" (old kernels without fsr, cbfrsynra since 5.0; Qualcomm's own
 * kernels have the fields in another order, and "SSD=… SID=…" below); since 6.11 two lines more
 * with the registers taken apart. "Unexpected global fault" and "Blocked unknown Stream ID" with a line of registers.
 * Source: Linux drivers/iommu/arm/arm-smmu/arm-smmu.c (arm_smmu_context_fault, arm_smmu_global_fault),
 * arm-smmu-qcom.c, qcom_iommu.c; Xen xen/drivers/passthrough/arm/smmu.c.
 */
import { parseHex } from "../../../base/hex.js";
import { type FaultDraft, type FaultFamily, type Said, wide } from "./fault.js";

const context =
  /Unhandled (?<=(?:\b(\S{1,60}): )?Unhandled )context fault: ((?:[a-z]\w{1,12}=(?:0x)?[0-9a-f]{1,16}(?:[\s,]{1,8}|$)){1,8})/;

const field = /([a-z]\w{1,12})=(?:0x)?([0-9a-f]{1,16})/g;

/** The fields by name; `fsynr0` is `fsynr`. */
function fieldsOf(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  field.lastIndex = 0;
  for (let m = field.exec(text); m !== null; m = field.exec(text)) {
    found.set(m[1] === "fsynr0" ? "fsynr" : m[1]!, m[2]!);
  }
  return found;
}

function contextFault(m: RegExpExecArray): Said {
  const fields = fieldsOf(m[2]!);
  const stream = fields.get("cbfrsynra"),
    flags = fields.get("fsr"),
    bank = fields.get("cb"),
    address = fields.get("iova"),
    syndrome = fields.get("fsynr");
  return {
    topic: "access",
    says: "context",
    by: m[1] ?? null,
    xen: /\bsmmu: \//.test(m.input),
    flags: flags === undefined ? null : parseHex(flags),
    address: address === undefined ? null : wide(address),
    stream: stream === undefined ? null : parseHex(stream) & 0xffff,
    values: [
      ...(syndrome === undefined ? [] : [["fsynr", wide(syndrome)] as const]),
      ...(bank === undefined || !/^\d+$/.test(bank) ? [] : [["cb", BigInt(bank)] as const]),
    ],
  };
}
const registers =
  /GFSR 0x([0-9a-f]{1,8}), GFSYNR0 0x([0-9a-f]{1,8}), GFSYNR1 0x([0-9a-f]{1,8})(?:, GFSYNR2 0x[0-9a-f]{1,8})?/;

function take(m: RegExpExecArray, draft: FaultDraft): boolean {
  if (draft.says !== "global" || draft.flags !== null) return false;
  draft.flags = parseHex(m[1]!);
  draft.values.push(["gfsynr0", wide(m[2]!)]);
  draft.stream = parseHex(m[3]!) & 0xffff;
  return true;
}

/** FSYNR0.WNR is bit 4, sGFSYNR0.WNR bit 1. */
function finish(draft: FaultDraft): void {
  const fsynr = draft.values.find(([name]) => name === "fsynr" || name === "gfsynr0");
  if (fsynr !== undefined) draft.write = ((fsynr[1] >> (fsynr[0] === "fsynr" ? 4n : 1n)) & 1n) === 1n;
}

export const smmuv2: FaultFamily = {
  unit: "smmuv2",
  mark: /context fault|global fault|unknown Stream ID|GFSR 0x|TLB sync timed out/,
  begins: [
    [context, contextFault],
    [/Unexpected global fault/, () => ({ topic: "access", says: "global" })],
    [
      /Blocked unknown Stream ID 0x([0-9a-f]{1,4})/,
      (m) => ({ topic: "access", says: "global", stream: parseHex(m[1]!), values: [["blocked", 1n]] }),
    ],
    [
      registers,
      (m) => ({
        topic: "access",
        says: "global",
        flags: parseHex(m[1]!),
        stream: parseHex(m[3]!) & 0xffff,
        values: [["gfsynr0", wide(m[2]!)]],
      }),
    ],
    [/smmu.{0,60}TLB sync timed out/, () => ({ topic: "command", says: "TLB sync" })],
  ],
  goesOn: [
    [registers, take],
    [
      /\b(?:FSR {4}= [0-9a-f]{8} \[.{0,80}\],|SSD=0x[0-9a-f]{1,8}) SID=0x([0-9a-f]{1,8})/,
      (m, draft) => {
        if (draft.says !== "context") return false;
        draft.stream ??= parseHex(m[1]!) & 0xffff;
        return true;
      },
    ],
    [/\bFSYNR0? {1,2}= [0-9a-f]{8}/, (_, draft) => draft.says === "context"],
    [/soft iova-to-phys=(?:0x)?0*([0-9a-f]{1,16})\b/, (m, draft) => draft.values.push(["soft", wide(m[1]!)]) > 0],
    [/SOFTWARE TABLE WALK FAILED/, (_, draft) => draft.values.push(["soft", 0n]) > 0],
    [/hard iova-to-phys/, () => true],
    [/this could be serious\s*$/, (_, draft) => draft.says === "global"],
  ],
  finish,
};
