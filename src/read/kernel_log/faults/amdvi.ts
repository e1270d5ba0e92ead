/**
 * Fault lines of the AMD IOMMU.
 *
 * "AMD-Vi: Event logged [NAME device=… domain=… address=… flags=…]". Kernels 4.9 to 4.18 break the line after "[" and
 * print the rest without a prefix; kernels before 2.6.37 write "AMD IOMMU". Where the line begins with driver and device, the bracket names no device.
 * Source: Linux drivers/iommu/amd/iommu.c (iommu_print_event, amd_iommu_report_page_fault), init.c
 * (check_ioapic_information); Xen xen/drivers/passthrough/amd/iommu_init.c (parse_event_log_entry).
 */

import { parseHex } from "../../../base/hex.js";
import { read } from "../../../bits/field.js";
import { EventRecord } from "../../../spec/amdvi/event_record.js";
import { faultEvents, pageFaultAccess } from "../../../spec/amdvi/fault_events.js";
import { functionName } from "../../../spec/pcie/requester.js";
import { type FaultDraft, type FaultFamily, type Said, wide } from "./fault.js";

/** Driver and device are looked for behind the words, not tried at each place before them. */
const head =
  /AMD(?<=(?:\b([A-Za-z][\w-]{0,40}) )?(?:\b((?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]): )?AMD)(?:-Vi| IOMMU): Event logged(?: ?\[|\s*$)/;
const eventHere = /([A-Z][A-Z_]{5,39})((?: |,)[^\]]{0,300})\]?/y;
/** Another CPU's words may stand between. */
const eventLater = new RegExp(`(?:Event logged \\[|^\\s*|: )${eventHere.source}`);
const field = /([A-Za-z_]{2,12})\s?=\s?(?:0x)?([0-9a-f:.]{1,20})/g;
const raw =
  /\b(?:[A-Z_]{5,40}|UNKNOWN(?: type=0x[0-9a-f]+)?) (?:event\[0\]=0x)?([0-9a-f]{8}) (?:event\[1\]=0x)?([0-9a-f]{8}) (?:event\[2\]=0x)?([0-9a-f]{8}) (?:event\[3\]=0x)?([0-9a-f]{8})\b/;
const names = Object.keys(faultEvents).join("|");
/** The second line alone: what other line begins so? */
const tail = new RegExp(`(?:^|\\s)\\[?(${names}) (?=(?:device|domain|address|vmg_tag|pasid)=)`);
const xen =
  /AMD-Vi: ([A-Z_]{5,40}): ((?:[0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]) d(\d{1,5}) addr (?:0x)?([0-9a-f]{1,16}) flags (?:0x)?([0-9a-f]{1,4})/;
const oldXen =
  /AMD-Vi: ([A-Z_]{5,40}): domain ?[=:] ?(\d{1,5}), device(?: id)? ?[=:] ?(?:0x)?([0-9a-f:.]{1,12}), (?:fault )?address ?[=:] ?(?:0x)?([0-9a-f]{1,16})(?:, flags ?[=:] ?(?:0x)?([0-9a-f]{1,4}))?/;

/** Xen's names for the same events. */
const sameEvent: Readonly<Record<string, string>> = {
  DEV_TABLE_HW_ERROR: "DEV_TAB_HARDWARE_ERROR",
  PAGE_TABLE_HW_ERROR: "PAGE_TAB_HARDWARE_ERROR",
  COMMAND_HW_ERROR: "COMMAND_HARDWARE_ERROR",
  INVALID_DEV_REQUEST: "INVALID_DEVICE_REQUEST",
};
const commands: ReadonlySet<string> = new Set(["ILLEGAL_COMMAND_ERROR", "COMMAND_HARDWARE_ERROR", "IOTLB_INV_TIMEOUT"]);

type Known = { -readonly [K in keyof Said]?: Said[K] };

/** `more` becomes the answer: this is run for each fault of a storm, and copies are what costs. */
function said(name: string, more: Known): Said {
  const says = sameEvent[name] ?? name;
  const access = says === "IO_PAGE_FAULT" && more.flags != null ? pageFaultAccess(more.flags) : null;
  more.topic = commands.has(says) ? "command" : "access";
  more.says = says;
  more.code ??= faultEvents[says]?.code ?? null;
  more.write ??= access?.write ?? null;
  more.interrupt ??= access?.interrupt ?? false;
  return more as Said;
}

const otherFields: ReadonlySet<string> = new Set(["domain", "vmg_tag", "flags_rmp", "tag"]);

/** The fields in the bracket. */
function fields(text: string): Known {
  const values: [string, bigint][] = [];
  const known: Known = { pasid: null, address: null, flags: null, values };
  let physical: string | null = null;
  field.lastIndex = 0;
  for (let m = field.exec(text); m !== null; m = field.exec(text)) {
    const key = m[1]!.toLowerCase(),
      value = m[2]!;
    if (key === "device") known.device = value;
    else if (key === "pasid") known.pasid = parseHex(value);
    else if (key === "flags") known.flags = parseHex(value);
    else if (key === "address") known.address = wide(value);
    else if (key === "gpa" || key === "spa") physical ??= value;
    else if (otherFields.has(key)) values.push([key, wide(value)]);
  }
  if (physical !== null) known.address ??= wide(physical);
  return known;
}

function logged(m: RegExpExecArray): Said | null {
  const end = m.index + m[0].length;
  const rest = m.input.slice(end);
  const words = rest.includes("=0x") && !rest.includes("event[") ? null : raw.exec(rest);
  if (words !== null) return fromRecord(words);
  eventHere.lastIndex = end;
  const inside = eventHere.exec(m.input) ?? eventLater.exec(rest);
  if (inside === null && rest.trim() !== "") return null;
  const known: Known = inside === null ? { topic: "access", says: "" } : said(inside[1]!, fields(inside[2]!));
  known.driver = m[1] ?? null;
  if (m[2] !== undefined) known.device ??= m[2];
  return known as Said;
}

/** The four words of a record that nobody decoded. */
function fromRecord(m: RegExpExecArray): Said {
  const words = Uint32Array.from(m.slice(1, 5), (digits) => parseHex(digits));
  const code = read(words, 0, EventRecord.code);
  const name = Object.keys(faultEvents).find((key) => faultEvents[key]!.code === code);
  return said(name ?? `event ${code}`, {
    device: functionName(read(words, 0, EventRecord.device)),
    flags: read(words, 0, EventRecord.flags),
    address: (BigInt(words[3]!) << 32n) | BigInt(words[2]!),
    code,
    xen: m.input.includes("(XEN)"),
  });
}

/** Put what a later line says into a fault of which only the head was read. */
function filled(draft: FaultDraft, rest: Said | null): boolean {
  if (rest === null) return false;
  const { values = [], ...known } = rest;
  if (rest.says !== "") Object.assign(draft, known, { values: [...values] });
  return true;
}

function tailFollows(m: RegExpExecArray, draft: FaultDraft): boolean {
  return draft.says === "" && filled(draft, said(m[1]!, fields(m.input)));
}

const interruptsOff =
  /AMD-Vi: .{0,30}(?:IOAPIC\[(\d{1,3})\] not in IVRS table|No southbridge IOAPIC found)|AMD-Vi: Disabling interrupt remapping/;
const ioapic = (m: RegExpExecArray): [string, bigint][] => (m[1] === undefined ? [] : [["ioapic", BigInt(m[1])]]);

export const amdvi: FaultFamily = {
  unit: "amdvi",
  mark: /AMD-Vi|AMD IOMMU|_FAULT|_ERROR|_REQUEST|_TIMEOUT|_ENTRY/,
  begins: [
    [head, logged],
    [
      xen,
      (m) =>
        said(m[1]!, {
          xen: true,
          device: m[2]!,
          address: wide(m[4]!),
          flags: parseHex(m[5]!),
          values: [["domain", BigInt(m[3]!)]],
        }),
    ],
    [
      oldXen,
      (m) =>
        said(m[1]!, {
          xen: true,
          device: m[3]!.includes(":") ? m[3]! : functionName(parseHex(m[3]!)),
          address: wide(m[4]!),
          flags: m[5] === undefined ? null : parseHex(m[5]),
          values: [["domain", BigInt(m[2]!)]],
        }),
    ],
    [new RegExp(`(?=\\b(?:${names}|${Object.keys(sameEvent).join("|")}) [0-9a-f]{8} )${raw.source}`), fromRecord],
    [tail, (m) => said(m[1]!, fields(m.input))],
    [/AMD-Vi: Completion-Wait loop timed out/, () => ({ topic: "command", says: "COMPLETION_WAIT" })],
    [/AMD-Vi: Command buffer timeout/, () => ({ topic: "command", says: "command buffer" })],
    [/AMD-Vi: IOMMU [Ee]vent log (?:overflow|restarting)/, () => ({ topic: "lost", says: "events" })],
    [/AMD-Vi: (?:No event written to event log|Unknown PPR request)/, (m) => ({ topic: "lost", says: m[0] })],
    [interruptsOff, (m) => ({ topic: "intremap-off", says: "IVRS", values: ioapic(m) })],
  ],
  isNext: (message, { says }) => says !== "" && message.includes("Event logged"),
  goesOn: [
    // Two CPUs: two heads, and the two rests after them; the second head may be whole.
    [head, (m, draft) => draft.says === "" && filled(draft, logged(m))],
    [tail, tailFollows],
    [/\b(DTE)\[([0-3])\]: ([0-9a-f]{1,16})/, entryFollows],
    [/\b(CMD)\[([0-3])\]: ([0-9a-f]{1,8})\b/, entryFollows],
    [/AMD-Vi: Control Reg : 0x([0-9a-f]{1,16})/, (m, draft) => draft.values.push(["control", wide(m[1]!)]) > 0],
    // Xen with iommu=debug walks the table.
    [/ root @ [0-9a-f]{1,13} \(\d levels?\) dfn=[0-9a-f]{1,13}/, (_, draft) => draft.says === "IO_PAGE_FAULT"],
    [
      /\bL(\d)\[[0-9a-f]{1,3}\] = ([0-9a-f]{1,16})/,
      (m, draft) => draft.says === "IO_PAGE_FAULT" && draft.values.push([`level.${m[1]}`, wide(m[2]!)]) > 0,
    ],
    [interruptsOff, (m, draft) => draft.topic === "intremap-off" && draft.values.push(...ioapic(m)) > -1],
  ],
};

function entryFollows(m: RegExpExecArray, draft: FaultDraft): boolean {
  draft.values.push([`${m[1]}.${m[2]}`, wide(m[3]!)]);
  return true;
}
