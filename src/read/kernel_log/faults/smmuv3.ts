/**
 * Event lines of an Arm SMMUv3.
 *
 * "event 0x10 received:" and four lines with one 64-bit word each, in one number or in two halves; kernels since 6.13 add
 * "event: F_TRANSLATION client: … sid: … ssid: … iova: … ipa: …" and what was tried; Xen prints the words alone.
 * Source: Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c (arm_smmu_dump_raw_event, arm_smmu_dump_event,
 * arm_smmu_gerror_handler, __arm_smmu_cmdq_skip_err, arm_smmu_handle_ppr); Xen xen/drivers/passthrough/arm/smmu-v3.c.
 */
import { parseHex } from "../../../base/hex.js";
import { faultEvents, recordFields } from "../../../spec/smmuv3/fault_events.js";
import { type FaultDraft, type FaultFamily, type Said, wide } from "./fault.js";

const unit = String.raw`(?:arm-smmu-v3|SMMUv3)(?::? (\S{1,60}?))?: `;
const received = new RegExp(`${unit}event 0x([0-9a-f]{1,2}) received:`);
const decoded =
  /\bevent: ([A-Z_]{3,24}) client: (\(unassigned sid\)|[\w:.-]{1,60})(?: sid: (?:0x)?([0-9a-f]{1,8}))?(?: ssid: (?:0x)?([0-9a-f]{1,8}))?(?: (iova|fetch_addr): (?:0x)?([0-9a-f]{1,16}))?/;
const tried = /\b(priv|unpriv) (inst|data) (read|write) (s1|s2) "/;
/** Alone, or after the unit's own name. */
const word = /(?:^|: ?|> ?)\s*0x([0-9a-f]{16}|[0-9a-f]{8} [0-9a-f]{8})\s*$/;
const globalError = /unexpected global error reported \(0x([0-9a-f]{1,8})\)/;
const commandError = /CMDQ error \(cons 0x([0-9a-f]{1,8})\): ([\w ]{3,40})/;
const pageRequest = /unexpected PRI request received:/;

function decodedEvent(m: RegExpExecArray): Said {
  return {
    topic: "access",
    says: m[1]!,
    code: codeOf(m[1]!),
    ...client(m),
    ...(m[3] === undefined ? {} : { stream: parseHex(m[3]) }),
    ...(m[4] === undefined || parseHex(m[4]) === 0 ? {} : { pasid: parseHex(m[4]) }),
    ...(m[6] === undefined ? {} : m[5] === "iova" ? { address: wide(m[6]) } : { values: [["fetch", wide(m[6])]] }),
  };
}

const client = (m: RegExpExecArray): { device?: string; values?: [string, bigint][] } =>
  m[2]!.startsWith("(") ? { values: [["unassigned", 1n]] } : { device: m[2]! };

function codeOf(name: string): number | null {
  const code = Object.keys(faultEvents).find((key) => faultEvents[Number(key)]!.name === name);
  return code === undefined ? null : Number(code);
}

const wordsOf = (draft: FaultDraft): bigint[] =>
  draft.values.flatMap(([name, value]) => (name === "word" ? [value] : []));

/** The kernel's decoding of the record just read: the same fault, with the device's name. */
function decodedFollows(m: RegExpExecArray, draft: FaultDraft): boolean {
  if (
    draft.topic !== "access" ||
    (draft.says !== "" && draft.says !== m[1]) ||
    draft.values.some(([n]) => n === "decoded")
  )
    return false;
  const { values, ...rest } = decodedEvent(m);
  for (const [key, value] of Object.entries(rest)) if (value !== null) Object.assign(draft, { [key]: value });
  draft.values.push(["decoded", 1n], ...(values ?? []));
  return true;
}

function triedFollows(m: RegExpExecArray, draft: FaultDraft): boolean {
  if (draft.topic !== "access") return false;
  draft.write = m[3] === "write";
  draft.values.push(
    ["privileged", m[1] === "priv" ? 1n : 0n],
    ["instruction", m[2] === "inst" ? 1n : 0n],
    ["stage", m[4] === "s2" ? 2n : 1n],
  );
  return true;
}

/** Fields of the raw record, where the decoded lines did not give them. */
function finish(draft: FaultDraft): void {
  if (draft.topic !== "access") return;
  const words = wordsOf(draft);
  const event = draft.code === null ? undefined : faultEvents[draft.code];
  if (draft.says === "") draft.says = event?.name ?? "";
  if (words.length < 2) return;
  const [first, second] = [words[0]!, words[1]!];
  const low = (value: bigint): number => Number(value & 0xffffffffn);
  const f = recordFields(low(first), low(first >> 32n), low(second), low(second >> 32n));
  draft.stream ??= f.stream;
  draft.pasid ??= f.substream;
  if (event?.address === "input") {
    draft.write ??= f.write;
    draft.address ??= words[2] ?? null;
  }
}

export const smmuv3: FaultFamily = {
  unit: "smmuv3",
  mark: /arm-smmu-v3|SMMUv3|\bevent: [A-Z]_/,
  begins: [
    [
      received,
      (m) => ({
        topic: "access",
        says: "",
        by: m[1] ?? null,
        code: parseHex(m[2]!),
        xen: m.input.includes("SMMUv3: "),
      }),
    ],
    [decoded, (m) => ({ ...decodedEvent(m), values: [["decoded", 1n], ...(decodedEvent(m).values ?? [])] })],
    [globalError, (m) => ({ topic: "command", says: "GERROR", flags: parseHex(m[1]!) })],
    [
      commandError,
      (m) => ({ topic: "command", says: "CMDQ", code: errorOf(m), values: [["error", BigInt(errorOf(m))]] }),
    ],
    [
      /CMD_SYNC timeout at 0x([0-9a-f]{1,8})(?: \[hwprod 0x([0-9a-f]{1,8}), hwcons 0x([0-9a-f]{1,8})\])?/,
      (m) => ({
        topic: "command",
        says: "CMD_SYNC",
        values: ["at", "prod", "cons"].flatMap((name, i): [string, bigint][] =>
          m[i + 1] === undefined ? [] : [[name, wide(m[i + 1]!)]],
        ),
      }),
    ],
    [/device has entered Service Failure Mode/, () => ({ topic: "command", says: "SFM", flags: 0x100 })],
    [/(EVTQ|PRIQ) overflow detected|(EVTQ|PRIQ) write aborted/, (m) => ({ topic: "lost", says: m[1] ?? m[2]! })],
    [pageRequest, () => ({ topic: "access", says: "PRI" })],
  ],
  goesOn: [
    [
      word,
      (m, draft) =>
        (draft.topic === "access" || draft.says === "GERROR" || draft.says === "CMDQ") &&
        wordsOf(draft).length < 4 &&
        draft.values.push(["word", wide(m[1]!.replace(" ", ""))]) > 0,
    ],
    [decoded, decodedFollows],
    [tried, triedFollows],
    // The rest of a decoded line that was broken.
    [/^\W*(?:0x)?[0-9a-f]{1,8} ssid: 0x|^\W*ssid: 0x|^\W*" stag: 0x|this could be serious\s*$/, () => true],
    [
      commandError,
      (m, draft) => {
        if (draft.says !== "GERROR" || draft.code !== null) return false;
        draft.code = errorOf(m);
        draft.values.push(["error", BigInt(draft.code)]);
        return true;
      },
    ],
    [/skipping command in error state|retrying command fetch/, (_, draft) => draft.topic === "command"],
    [/device has entered Service Failure Mode|(?:EVTQ|PRIQ|MSI) write aborted/, (_, draft) => draft.says === "GERROR"],
    [
      /sid 0x([0-9a-f]{1,8})\.0x([0-9a-f]{1,5}): \[.{1,20}\] .{0,40}access at iova 0x([0-9a-f]{1,16})/,
      (m, draft) => {
        if (draft.says !== "PRI") return false;
        draft.stream = parseHex(m[1]!);
        draft.address = wide(m[3]!);
        return true;
      },
    ],
  ],
  finish,
};

/** SMMU_CMDQ_CONS.ERR, bits 30:24. */
const errorOf = (m: RegExpExecArray): number => (parseHex(m[1]!) >>> 24) & 0x7f;
