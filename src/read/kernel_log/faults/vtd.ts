/**
 * Fault lines of Intel VT-d.
 *
 * One line with the reason in hexadecimal ("[fault reason 0x06]", since 5.14, whose first form writes 0x into the device
 * as well); one line with the reason in decimal ("[fault reason 06]", where 0x26 reads 38); two lines, the second with
 * the reason; Xen's two lines, in hexadecimal. "PASID ffffffff" (5.0 to 5.13) is no PASID.
 * Source: Linux drivers/iommu/intel/dmar.c (dmar_fault_do_one, qi_check_fault), iommu.c (dmar_fault_dump_ptes,
 * __domain_mapping), prq.c; Xen xen/drivers/passthrough/vtd/iommu.c, qinval.c, utils.c (print_vtd_entries).
 */

import { parseHex } from "../../../base/hex.js";
import { functionName } from "../../../spec/pcie/requester.js";
import { reasonOfWords } from "../../../spec/vtd/fault_words.js";
import { pageRequestOf } from "../../../spec/vtd/queue.js";
import { type FaultDraft, type FaultFamily, type Said, wide } from "./fault.js";

const request =
  /(DMA Read|DMA Write|INTR-REMAP|UNKNOWN)(?: NO_PASID| PASID (?:0x)?([0-9a-f]{1,8}))?\]?:? ?Request device ?\[{1,2}([0-9a-fx:.]{5,18})\]{0,2}(?: PASID ([0-9a-f]{1,8}))?,? fault (?:addr|index) (?:0x)?([0-9a-f]{1,16})\b/;
/** The same with its rest lost or overwritten, as serial consoles do. */
const cutRequest =
  /\[?(DMA Read|DMA Write|INTR-REMAP)[^\]]{0,20}\] Request device ?\[{1,2}([0-9a-fx:.]{5,18})\]{1,2}(?!.*fault (?:addr|index) (?:0x)?[0-9a-f]{1,16}\b)/;
const reason = /\[fault reason (?:(0x[0-9a-f]{1,2})|([0-9a-f]{1,2})h|(\d{1,3}))\](?: ?(.{0,100}))?/;
const xenReason = /(?:DMAR|INTR-REMAP|UNKNOWN): reason ([0-9a-f]{1,2}) - (.{0,100})/;
/** The number lost, the words kept. */
const reasonWords = /(?:DMAR|INTR-REMAP): ?\[\] ?(\S.{0,100})/;

/** Digits without 0x are decimal. */
function reasonCode(message: string): number | null {
  const m = reason.exec(message);
  if (m !== null) return m[1] !== undefined ? Number(m[1]) : m[2] !== undefined ? parseHex(m[2]) : Number(m[3]);
  const xen = xenReason.exec(message);
  if (xen !== null) return parseHex(xen[1]!);
  const words = reasonWords.exec(message)?.[1] ?? (request.test(message) ? message : null);
  return words === null ? null : reasonOfWords(words);
}

function pasidOf(digits: string | undefined): number | null {
  const pasid = digits === undefined ? null : parseHex(digits);
  return pasid === 0xffffffff ? null : pasid;
}

function requested(m: RegExpExecArray): Said {
  return {
    topic: "access",
    says: m[1]!,
    device: m[3]!.replaceAll("0x", ""),
    pasid: pasidOf(m[2] ?? m[4]),
    write: m[1] === "DMA Write" ? true : m[1] === "DMA Read" ? false : null,
    interrupt: m[1] === "INTR-REMAP",
    address: wide(m[5]!),
    code: reasonCode(m.input),
  };
}

function reasonAlone(m: RegExpExecArray): Said | null {
  const code = reasonCode(m.input);
  const interrupt = m.input.includes("INTR-REMAP");
  return code === null ? null : { topic: "access", says: interrupt ? "INTR-REMAP" : "DMA", interrupt, code };
}

function reasonFollows(m: RegExpExecArray, draft: FaultDraft): boolean {
  if (draft.topic !== "access" || draft.code !== null || request.test(m.input)) return false;
  draft.code = reasonCode(m.input);
  return true;
}

/** Registers and descriptors of one failure of the queue: the same one twice is the next failure. */
const queueNames: Readonly<Record<string, string>> = { Queue: "IQEI", "Time-out": "ITESID", Completion: "ICESID" };
const queueError =
  /VT-d detected Invalidation (Queue|Time-out|Completion) Error: (?:Reason|SID) (?:0x)?([0-9a-f]{1,16})/;
const descriptor = /QI (HEAD|PRIOR|PREVIOUS): ?(.{0,50}?) ?qw0 = 0x([0-9a-f]{1,16}), qw1 = 0x([0-9a-f]{1,16})/;
const invalidDescriptor =
  /VT-d detected invalid descriptor: (?:low|qw0) ?= ?(?:0x)?([0-9a-f]{1,16}), (?:high|qw1) ?= ?(?:0x)?([0-9a-f]{1,16})/;
const cleared = /Invalidation (Queue|Time-out|Completion) Error \((IQE|ITE|ICE)\) cleared/;

function inQueue(name: string, values: [string, bigint][], draft: FaultDraft): boolean {
  if (draft.topic !== "command" || draft.values.some(([key]) => key === name)) return false;
  draft.values.push(...values);
  if (name === "ITESID") draft.device ??= nameOf(values[0]![1]);
  return true;
}

const nameOf = (id: bigint): string | null => (id === 0xffffn || id === 0n ? null : functionName(Number(id)));
const pair = (name: string, m: RegExpExecArray): [string, bigint][] => [
  [`${name}.0`, wide(m.at(-2)!)],
  [`${name}.1`, wide(m.at(-1)!)],
];

function queueFailed(m: RegExpExecArray): Said {
  const name = queueNames[m[1]!]!,
    value = wide(m[2]!);
  return {
    topic: "command",
    says: name,
    device: name === "ITESID" ? nameOf(value) : null,
    values: [[name, value]],
  };
}

/** Lines of the dumps that follow a fault; each is one value, except the ends of a walk, which say a level. */
const dumped: readonly (readonly [RegExp, (m: RegExpExecArray) => readonly (readonly [string, bigint])[]])[] = [
  [/Dump \S{1,20} table entries for IOVA|print_vtd_entries: /, () => []],
  [
    /scalable mode root entry: hi 0x([0-9a-f]{1,16}), low 0x([0-9a-f]{1,16})/,
    (m) => [
      ["root.high", wide(m[1]!)],
      ["root.low", wide(m[2]!)],
    ],
  ],
  [/\broot(?:_| )entry(?:\[[0-9a-f]+\])?(?: =|:) (?:0x)?([0-9a-f]{1,16})/, (m) => [["root.low", wide(m[1]!)]]],
  [
    /context entry: hi 0x([0-9a-f]{1,16}), low 0x([0-9a-f]{1,16})/,
    (m) => [
      ["context.high", wide(m[1]!)],
      ["context", wide(m[2]!)],
    ],
  ],
  [/\bcontext\[[0-9a-f]+\] = (?:([0-9a-f]{1,16})_)?([0-9a-f]{1,16})/, (m) => [["context", wide(m[2]!)]]],
  [/pasid dir entry: 0x([0-9a-f]{1,16})/, (m) => [["directory", wide(m[1]!)]]],
  [/pasid table entry\[(\d)\]: 0x([0-9a-f]{1,16})/, (m) => [[`pasid.${m[1]}`, wide(m[2]!)]]],
  [/pte level: (\d), pte value: (?:0x)?([0-9a-f]{1,16})/i, (m) => [[`level.${m[1]}`, wide(m[2]!)]]],
  [/\bl(\d)\[[0-9a-f]{1,3}\] = ([0-9a-f]{1,16})/, (m) => [[`level.${m[1]}`, wide(m[2]!)]]],
  [/\bPTE not present at level (\d)|\bl(\d)\[[0-9a-f]{1,3}\] not present/i, (m) => [["absent", BigInt(m[1] ?? m[2]!)]]],
  [/page table not present at level (\d)/, (m) => [["absent", BigInt(m[1]!) + 1n]]],
  [/root table(?: entry)? is not present|root_maddr = 0/, () => [["root.low", 0n]]],
  [/context table is not present/, () => [["context.table", 0n]]],
  [/pasid directory entry is not present/, () => [["directory", 0n]]],
  [/no page table setup|device \[[0-9a-f:.]{7}\] not probed|iommu domain does not exist/, () => [["domain", 0n]]],
];

export const vtd: FaultFamily = {
  unit: "vtd",
  mark: /DMAR|RMRR|DRHD|INTR-REMAP|VT-[dD]|fault reason|Request device|iommu width|QI (?:HEAD|PRIOR|PREVIOUS)|dmar\d|[Pp]age request|PRQ|wait descriptor/,
  begins: [
    [request, requested],
    [
      cutRequest,
      (m) => ({
        topic: "access",
        says: m[1]!,
        device: m[2]!.replaceAll("0x", ""),
        write: m[1] === "DMA Write" ? true : m[1] === "DMA Read" ? false : null,
        interrupt: m[1] === "INTR-REMAP",
        code: null,
      }),
    ],
    [reason, reasonAlone],
    [xenReason, reasonAlone],
    [reasonWords, reasonAlone],
    [
      /DRHD: handling fault status reg (?:0x)?([0-9a-f]{1,8})\b/,
      (m) => {
        const flags = parseHex(m[1]!);
        // IQE, ICE, ITE: the lines that follow are of the queue.
        const queue = (flags & 0x70) !== 0 && flags !== 0xffffffff;
        return { topic: queue ? "command" : "status", says: "FSTS", flags };
      },
    ],
    [queueError, queueFailed],
    [descriptor, (m) => ({ topic: "command", says: m[1]!, values: pair(m[1]!, m) })],
    [invalidDescriptor, (m) => ({ topic: "command", says: "IQE", values: pair("HEAD", m) })],
    [cleared, (m) => ({ topic: "command", says: m[2]! })],
    [
      /QI(?: dev)? wait descriptor taking too long|[Qq]ueue invalidate wait descriptor/,
      (m) => ({ topic: "command", says: m[0].includes("dev") ? "device wait" : "wait", xen: true }),
    ],
    [
      /DMA PTE for vPFN 0x([0-9a-f]{1,16}) already set \(to ([0-9a-f]{1,16}) not ([0-9a-f]{1,16})\)/,
      (m) => ({
        topic: "mapping",
        says: "already set",
        address: wide(m[1]!) << 12n,
        values: [
          ["was", wide(m[2]!)],
          ["asked", wide(m[3]!)],
        ],
      }),
    ],
    [
      /iommu width \((\d{1,3})\) is not sufficient for the mapped address \((?:0x)?([0-9a-f]{1,16})\)/,
      (m) => ({ topic: "mapping", says: "width", address: wide(m[2]!), code: Number(m[1]) }),
    ],
    [
      /DMAR reported at address (?:0x)?([0-9a-f]{1,16}) returns all ones/,
      (m) => ({ topic: "silent", says: "all ones", address: wide(m[1]!) }),
    ],
    [
      /(?:\b(?:([A-Za-z][\w-]{0,40}) )?((?:[0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]): )?Device is ineligible for IOMMU domain attach due to platform RMRR/,
      (m) => ({ topic: "firmware", says: "ineligible", driver: m[1] ?? null, device: m[2] ?? null }),
    ],
    [/DMAR reported at address (?:zero|0)!/, () => ({ topic: "firmware", says: "zero" })],
    [/[Pp]arse DMAR table failure/, () => ({ topic: "firmware", says: "parse" })],
    [
      /(?:can cover this RMRR|bad RMRR) \[(?:mem )?0x([0-9a-f]{1,16})-0x([0-9a-f]{1,16})\]/,
      (m) => ({
        topic: "firmware",
        says: "RMRR",
        values: [
          ["from", wide(m[1]!)],
          ["to", wide(m[2]!)],
        ],
      }),
    ],
    [
      /(dmar\d{1,3}): ((?:Page request|Invalid page request|Address (?:is )?not canonical)[\w ]{0,60})(?:: ([0-9a-f]{8,16}) ([0-9a-f]{8,16}))?/,
      (m) => {
        const from = m[3] === undefined ? null : pageRequestOf(wide(m[3]), wide(m[4]!));
        return {
          topic: "access",
          says: m[2]!.trim(),
          by: m[1]!,
          code: null,
          device: from === null ? null : functionName(from.requester),
          pasid: from?.pasid ?? null,
          write: from?.write ?? null,
          address: from?.address ?? null,
        };
      },
    ],
    [/PRQ overflow(?! cleared)/, () => ({ topic: "lost", says: "page requests" })],
    [
      /DMAR-IR: .{0,60}(?:ioapic (\d{1,3}) has no mapping iommu|Not enabling interrupt remapping)|interrupt remapping will be disabled/,
      (m) => ({ topic: "intremap-off", says: "DMAR-IR", values: ioapic(m) }),
    ],
  ],
  isNext: (message, { code }) => code !== null && message.includes("Request device"),
  goesOn: [
    [reason, reasonFollows],
    [xenReason, reasonFollows],
    [reasonWords, reasonFollows],
    [queueError, (m, draft) => inQueue(queueNames[m[1]!]!, [[queueNames[m[1]!]!, wide(m[2]!)]], draft)],
    [descriptor, (m, draft) => inQueue(`${m[1]}.0`, pair(m[1]!, m), draft)],
    [cleared, (m, draft) => inQueue(`${m[2]} cleared`, [[`${m[2]} cleared`, 1n]], draft)],
    [/^\s*IQ[AHT] = [0-9a-f]{1,16}\s*$/, (_, draft) => draft.topic === "command"],
    ...dumped.map(
      ([pattern, values]) =>
        [
          pattern,
          (m: RegExpExecArray, draft: FaultDraft): boolean => {
            if (draft.topic !== "access") return false;
            draft.values.push(...values(m));
            return true;
          },
        ] as const,
    ),
    [/[Pp]arse DMAR table failure/, (_, draft) => draft.says === "zero" || draft.topic === "silent"],
    [
      /(?:can cover this|bad) RMRR \[(?:mem )?0x([0-9a-f]{1,16})-|BIOS vendor: /,
      (m, draft) =>
        draft.topic === "firmware" || draft.topic === "silent"
          ? m[1] === undefined || draft.values[0]?.[1] === wide(m[1])
          : false,
    ],
    [
      /DMAR-IR: .{0,60}(?:ioapic (\d{1,3}) has no mapping iommu|Not enabling interrupt remapping)|interrupt remapping will be disabled/,
      (m, draft) => draft.topic === "intremap-off" && draft.values.push(...ioapic(m)) > -1,
    ],
  ],
};

const ioapic = (m: RegExpExecArray): [string, bigint][] => (m[1] === undefined ? [] : [["ioapic", BigInt(m[1])]]);
