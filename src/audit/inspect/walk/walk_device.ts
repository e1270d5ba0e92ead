/** Where an address of a device leads: the device looked up as the unit does, then its tables walked entry by entry. */

import { Misuse } from "../../../base/assert.js";
import { hex } from "../../../base/hex.js";
import type { MemoryView } from "../../../mem/view.js";
import { faultEvents as amdviEvents } from "../../../spec/amdvi/fault_events.js";
import { faultEvents as smmuEvents } from "../../../spec/smmuv3/fault_events.js";
import { faultReasons } from "../../../spec/vtd/fault_reasons.js";
import {
  type Attachment,
  deviceTables,
  type EntryRead,
  type LookupFault,
  type UnitKind,
  type UnitRoot,
} from "../../../table/device/index.js";
import {
  type CodeSet,
  faultCode,
  isReached,
  Need,
  type NotReached,
  type Trace,
  type TraceStep,
  trace,
  traceNested,
} from "../../../table/index.js";
import { type AskedAddress, type DeviceId, deviceName, isAsked } from "../device_name.js";
import type { Inspection } from "../facts/inspection.js";
import type { BusDevice } from "../facts/known.js";
import type { Coverage } from "../firmware/coverage.js";
import { streamOf } from "../firmware/streams.js";
import { fates } from "../firmware/uncovered.js";
import type { WalkAnswer, WalkEnd, WalkFault, WalkStep } from "./walk_answer.js";

/** On x86, writes here are interrupts. Source: VT-d 4.1, 3.14; AMD IOMMU 48882, 2.1.4.1. */
const interrupts = { first: 0xfee0_0000n, last: 0xfeef_ffffn };

export const isInterruptAddress = (kind: UnitKind, address: bigint): boolean =>
  kind !== "smmuv3" && address >= interrupts.first && address <= interrupts.last;

/** What a question is asked of. */
export interface Walked {
  readonly inspection: Inspection;
  readonly image: MemoryView;
  /** Who is behind which unit; null or absent: firmware says nothing. */
  readonly coverage?: Coverage | null;
  /** null or absent: nobody says what is on the bus. */
  readonly bus?: readonly BusDevice[] | null;
}

/** @throws Misuse `device` where no unit is behind the device, or nobody says which. */
export function walkAnswer(of: Walked, asked: AskedAddress): WalkAnswer {
  const { image, inspection } = of;
  const { unit, device, stream } = placeOf(of, asked);
  const root = inspection.units[unit]!;
  const found = deviceTables[root.kind].lookup(image, root, stream, asked.pasid);
  const attachment = "state" in found ? found : null;
  const answer = {
    device,
    ...(asked.sentBy !== undefined && { sentBy: asked.sentBy }),
    pasid: asked.pasid,
    iova: asked.iova,
    unit,
    attachment,
    state: attachment?.state ?? null,
  };
  const before = found.entries.map(deviceStep);
  if (attachment === null) return { ...answer, steps: before, end: refusedLookup(root.kind, found as LookupFault) };
  if (attachment.state !== "blocked" && isInterruptAddress(root.kind, asked.iova)) {
    return { ...answer, steps: before, end: interruptMessage };
  }
  if (attachment.state !== "translated")
    return { ...answer, steps: before, end: untranslated(root.kind, attachment, asked.iova) };
  const walkFor = (need: Need) => walkTables(image, attachment, asked.iova, need);
  const walked = walkFor(Need.none);
  return { ...answer, steps: [...before, ...stepsOf(walked)], end: endOf(root, walked, walkFor) };
}

/** Where the requests of a device arrive. */
interface Place {
  readonly unit: number;
  readonly device: DeviceId;
  /** The id that the unit sees. */
  readonly stream: number;
}

/** The unit that has an entry for the device; else the one that firmware puts it behind, or the first of its segment. */
function placeOf(of: Walked, asked: AskedAddress): Place {
  const { devices, units } = of.inspection;
  const any = { ...asked, pasid: null };
  const own = devices.find((d) => isAsked(d, asked)) ?? devices.find((d) => isAsked(d, any));
  if (own !== undefined) {
    const { segment, requester, stream, path } = own;
    const device = { segment, requester, ...(stream !== undefined && { stream }), ...(path !== undefined && { path }) };
    return { unit: own.unit, device, stream: stream ?? requester };
  }
  if (asked.path != null) throw new Misuse("device", `no unit has an entry for ${asked.path}`);
  if (units.length === 0) throw new Misuse("device", "there is no IOMMU here whose tables could be walked");
  const first = Math.max(
    0,
    units.findIndex((u) => asked.segment === null || u.segment === asked.segment),
  );
  const device = { segment: asked.segment ?? units[first]!.segment, requester: asked.requester };
  if (of.coverage == null || asked.isStream === true) return { unit: first, device, stream: asked.requester };
  const memory = of.image;
  const fate = fates({ memory, units, devices, bus: of.bus ?? null, coverage: of.coverage })(device);
  if ("unit" in fate) return { unit: fate.unit, device, stream: streamOf(of.coverage.listing(fate.unit), device) };
  throw new Misuse(
    "device",
    `${deviceName(device)}: ${"why" in fate ? `unknown which unit it is behind: ${fate.why}` : nowhere[fate.kind]}`,
  );
}

const nowhere = {
  none: "it is in no unit's scope: nothing translates its addresses",
  elsewhere: "the unit that firmware puts it behind is not among those that were read",
} as const;

const deviceStep = ({ at, words, about, meaning }: EntryRead): WalkStep => {
  return { at, words, about, name: about.title, meaning, stage: "device" };
};

function refusedLookup(kind: UnitKind, { code, why }: LookupFault): WalkEnd {
  return { kind: "fault", fault: { ...codeWords(kind, code), why } };
}

/** What a unit records of a device whose entry lets nothing through; the others are silent. */
const blockedCode: Readonly<Record<UnitKind, number | null>> = { vtd: null, amdvi: 2, smmuv3: null };

function untranslated(kind: UnitKind, { state, allow, why, records }: Attachment, iova: bigint): WalkEnd {
  const blocked: WalkFault = { ...codeWords(kind, records ?? blockedCode[kind]), why };
  if (state === "blocked" || allow === 0) return { kind: "fault", fault: blocked };
  const refusals = (["read", "write"] as const)
    .filter((access) => (allow & Need[access]) === 0)
    .map((access) => ({ access, fault: blocked }));
  return { kind: "page", paddr: iova, bytes: 0, allow, refusals };
}

const interruptMessage: WalkEnd = {
  kind: "fault",
  fault: {
    code: null,
    name: "interrupt message",
    words: "0xfee00000 to 0xfeefffff are interrupts, not memory: no page table is read",
    why: "what the tables hold for these addresses is without effect",
  },
};

/** Through the table whose half of the space the address lies in, or the first one. */
function walkTables(image: MemoryView, { first, second }: Attachment, iova: bigint, need: Need): Trace {
  if (first.length === 0) return trace(image, second!, iova, need);
  const walks = first.map((root) =>
    second === null ? trace(image, root, iova, need) : traceNested(image, { first: root, second }, iova, need),
  );
  return walks.find(({ result }) => isReached(result) || result.fault !== "inputSize") ?? walks[0]!;
}

/** In the order in which the unit reads them: what finds a table stands before the entry read from it. */
function stepsOf(walked: Trace | null): WalkStep[] {
  if (walked === null) return [];
  const { steps, final } = walked;
  return [...steps.flatMap((step) => [...stepsOf(step.through), pageStep(step)]), ...stepsOf(final)];
}

const pageStep = ({ at, words, about, name, meaning, stage, input, indexBits }: TraceStep): WalkStep => {
  return { at, words, about, name, meaning, stage, input, indexBits };
};

/** @param walkFor walks again as an access, to see who refuses it */
function endOf(root: UnitRoot, { result }: Trace, walkFor: (need: Need) => Trace): WalkEnd {
  if (!isReached(result)) return { kind: "fault", fault: tableFault(root, result) };
  const { paddr, bytes, allow } = result;
  const refusals = (["read", "write"] as const).flatMap((access) => {
    const refused = walkFor(Need[access]).result;
    if (isReached(refused)) return [];
    const code = faultCode(codeSet(root), { ...refused, write: access === "write" });
    return [{ access, fault: { ...codeWords(root.kind, code), why: refused.why } }];
  });
  return { kind: "page", paddr: BigInt(paddr), bytes, allow, refusals };
}

/** The code of a read; where a write has another one, that is said too. */
function tableFault(root: UnitRoot, result: NotReached): WalkFault {
  const code = (write: boolean) => faultCode(codeSet(root), { ...result, write });
  const [read, write] = [code(false), code(true)];
  const why = read === write ? result.why : `${result.why} (a write is recorded with code ${write})`;
  return { ...codeWords(root.kind, read), why };
}

const codeSet = ({ kind, mode }: UnitRoot): CodeSet =>
  kind === "vtd" ? (mode === "scalable" ? "vtd-scalable" : "vtd-legacy") : kind;

/** The unit's own name and sentence for a code. */
function codeWords(kind: UnitKind, code: number | null): Omit<WalkFault, "why"> {
  const silent = { code, name: "no fault is recorded", words: "the unit refuses the access silently" };
  if (code === null) return silent;
  if (kind === "vtd") {
    return { code, name: `fault reason ${hex(code)}`, words: faultReasons[code]?.words ?? "a reserved code" };
  }
  if (kind === "smmuv3") {
    const event = smmuEvents[code];
    return { code, name: event?.name ?? "event", words: event?.words ?? "a reserved event" };
  }
  const [name, event] = Object.entries(amdviEvents).find(([, e]) => e.code === code) ?? ["event", null];
  return { code, name, words: event?.words ?? "a reserved event" };
}
