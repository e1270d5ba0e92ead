/**
 * An inspection as one JSON document, `dmalab.inspect/1`, in pieces: millions of mappings never stand in one string.
 * Addresses are hexadecimal strings, sizes bytes.
 */
import { deviceName } from "../../audit/inspect/device_name.js";
import type { DeviceReach, Finding } from "../../audit/inspect/inspection.js";
import type { WalkAnswer } from "../../audit/inspect/walk_answer.js";
import type { Ranges } from "../../table/ranges.js";
import type { Trouble } from "../../table/trouble.js";
import { firmwareValue } from "./firmware_json.js";
import {
  type DiffAnswer,
  type InspectReport,
  mappingRows,
  permWords,
  shownFindings,
  type WhoAnswer,
} from "./inspect_report.js";
import { inspectVerdict } from "./inspect_verdict.js";
import { openingsOf } from "./openings.js";
import { entryValue, fieldsOf, hex, memoryCounter } from "./words.js";

/** A piece is given out when it is about this long. */
const pieceLength = 1 << 16;

/** @returns the document's text, piece by piece; joined they are one JSON value and a line end. */
export function* inspectJson(report: InspectReport): Generator<string> {
  const { inspection, shown } = report;
  const devices = shown.map((i) => inspection.devices[i]!);
  let piece = "";
  for (const part of parts(report, devices)) {
    piece += part;
    if (piece.length < pieceLength) continue;
    yield piece;
    piece = "";
  }
  yield `${piece}\n}\n`;
}

function* parts(report: InspectReport, devices: readonly DeviceReach[]): Generator<string> {
  const { source, units } = report.inspection;
  yield `{\n  "schema": "dmalab.inspect/1",\n  "source": ${JSON.stringify({
    format: source.format,
    machine: source.machine,
    bytes: source.bytes,
    notes: source.notes ?? [],
  })}`;
  yield `,\n  "verdict": ${JSON.stringify(inspectVerdict(report))}`;
  yield* list(
    "units",
    units.map(({ root, registersAt, interruptTable, ...unit }) => ({
      ...unit,
      root: hex(root),
      registersAt: registersAt === null ? null : hex(registersAt),
      interruptTable: interruptTable === null ? null : hex(interruptTable),
    })),
  );
  const { firmware } = report.inspection;
  yield `,\n  "firmware": ${JSON.stringify(firmware == null ? null : firmwareValue(firmware))}`;
  const memoryOf = memoryCounter();
  yield* list(
    "devices",
    map(devices, (device) => deviceValue(device, memoryOf)),
  );
  yield* list("mappings", mappingsOf(devices));
  yield* list("findings", map(shownFindings(report), findingValue));
  yield* list("troubles", troublesOf(report, devices));
  if (report.who !== null) yield `,\n  "who": ${JSON.stringify(whoValue(report, report.who))}`;
  if (report.walk !== null) yield `,\n  "walk": ${JSON.stringify(walkValue(report.walk))}`;
  if (report.diff !== null) yield* diffParts(report.diff);
}

/** One value to a line. */
function* list(key: string, values: Iterable<unknown>): Generator<string> {
  yield `,\n  "${key}": [`;
  let before = "\n    ";
  for (const value of values) {
    yield before + JSON.stringify(value);
    before = ",\n    ";
  }
  yield before === "\n    " ? "]" : "\n  ]";
}

function* map<T, U>(values: Iterable<T>, f: (value: T) => U): Generator<U> {
  for (const value of values) yield f(value);
}

function deviceValue(device: DeviceReach, memoryOf: (ranges: Ranges) => number) {
  const { ranges } = device;
  return {
    bdf: deviceName(device),
    pasid: device.pasid,
    ...(device.stream !== undefined && { stream: hex(device.stream) }),
    state: device.state,
    domain: device.domain,
    stage: device.stage,
    leaves: ranges?.leafCount ?? 0,
    bytes: ranges?.byteCount ?? 0,
    ats: device.ats,
    unit: device.unit,
    ranges: ranges?.count ?? 0,
    perm: device.state === "blocked" ? "--" : permWords[device.allow & 3],
    why: device.why,
    memory: ranges === null ? 0 : memoryOf(ranges),
  };
}

/** `weight` has the two values that the first documents had; `level` tells all three apart. */
const findingValue = ({ what, where, why, rule, weight }: Finding) => ({
  ...{ what, where, why, rule },
  level: weight,
  weight: weight === "trouble" ? "trouble" : "note",
});

function* mappingsOf(devices: readonly DeviceReach[]): Generator<object> {
  for (const device of devices) yield* mappingValues(deviceName(device), device.pasid, device.ranges);
}

function* mappingValues(bdf: string, pasid: number | null, ranges: Ranges | null): Generator<object> {
  for (const { iova, paddr, bytes, perm } of mappingRows(ranges)) {
    yield { bdf, pasid, iova: hex(iova), paddr: hex(paddr), bytes, perm };
  }
}

function* troublesOf({ inspection }: InspectReport, devices: readonly DeviceReach[]): Generator<object> {
  for (const troubles of inspection.unitTroubles ?? []) {
    for (const trouble of troubles) yield troubleValue(null, null, trouble);
  }
  for (const device of devices) {
    for (const trouble of device.troubles) yield troubleValue(deviceName(device), device.pasid, trouble);
  }
}

const troubleValue = (bdf: string | null, pasid: number | null, t: Trouble) => ({
  bdf,
  pasid,
  kind: t.kind,
  entryAt: hex(t.entryAt),
  value: t.value,
  iova: t.iova === null ? null : hex(t.iova),
  level: t.level,
  what: t.what,
});

function whoValue({ inspection }: InspectReport, { paddr, held, place = null, isInterrupt, hits }: WhoAnswer) {
  const { open, unknown } = openingsOf(inspection.findings);
  const rulesOf = (findings: readonly Finding[]) => (isInterrupt ? [] : [...new Set(findings.map((f) => f.rule))]);
  return {
    paddr: hex(paddr),
    held,
    place,
    isInterrupt,
    reached: hits.map(({ device, iova, allow, through }) => {
      const { pasid, ...id } = inspection.devices[device]!;
      return { bdf: deviceName(id), pasid, iova: hex(iova), perm: permWords[allow], through };
    }),
    open: rulesOf(open),
    unknown: rulesOf(unknown),
  };
}

function walkValue({ device, sentBy, pasid, iova, state, steps, end }: WalkAnswer) {
  const page = end.kind === "page" ? end : null;
  return {
    bdf: deviceName(device),
    ...(sentBy !== undefined && { sentBy: deviceName(sentBy) }),
    pasid,
    iova: hex(iova),
    state,
    steps: steps.map(({ at, words, about, name, meaning, stage }) => ({
      at: hex(at),
      value: entryValue(words),
      title: about.title,
      name,
      stage,
      meaning,
      fields: fieldsOf(words, about).map(({ name, bits, value, doc }) => ({ name, bits, value, doc })),
    })),
    paddr: page === null ? null : hex(page.paddr),
    bytes: page?.bytes ?? 0,
    perm: permWords[page?.allow ?? 0],
    fault: end.kind === "fault" ? end.fault : null,
    refusals: (page?.refusals ?? []).map(({ access, fault }) => ({ access, code: fault.code, words: fault.words })),
  };
}

function* diffParts({ difference, other }: DiffAnswer): Generator<string> {
  const { changes, same } = difference;
  yield `,\n  "diff": { "same": ${same}, "changes": [`;
  let before = "\n    ";
  for (const { name, pasid, before: was, after, words, lost, gained } of changes) {
    const head = { bdf: name, pasid, before: was?.state ?? null, after: after?.state ?? null, words };
    yield before + JSON.stringify(head).slice(0, -1);
    for (const [key, ranges] of [
      ["lost", lost],
      ["gained", gained],
    ] as const) {
      yield `,\n      "${key}": [`;
      let comma = "";
      for (const value of mappingValues(name, pasid, ranges)) {
        yield comma + JSON.stringify(value);
        comma = ",\n        ";
      }
      yield "]";
    }
    yield "}";
    before = ",\n    ";
  }
  const findings = shownFindings(other).map(findingValue);
  const notes = other.inspection.source.notes ?? [];
  yield `],\n    "verdict": ${JSON.stringify(inspectVerdict(other))},\n    "findings": ${JSON.stringify(findings)}, "notes": ${JSON.stringify(notes)} }`;
}
