/**
 * An inspection as one JSON document, `dmalab.inspect/1`, in pieces: millions of mappings never stand in one string.
 * Addresses are hexadecimal strings, sizes bytes.
 */

import { deviceName } from "../../audit/inspect/device_name.js";
import type { DeviceReach, Finding } from "../../audit/inspect/facts/inspection.js";
import type { WalkAnswer } from "../../audit/inspect/walk/walk_answer.js";
import { hex } from "../../base/hex.js";
import type { Ranges } from "../../table/ranges.js";
import type { Trouble } from "../../table/trouble.js";
import type { InspectDocument } from "../schema/documents.js";
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
import { entryValue, fieldsOf, memoryCounter } from "./words.js";

/** A piece is given out when it is about this long. */
const pieceLength = 1 << 16;

/** @returns the document's text, piece by piece; joined they are one JSON value and a line end. */
export function* inspectJson(report: InspectReport): Generator<string> {
  let piece = "";
  for (const part of texts(report)) {
    piece += part;
    if (piece.length < pieceLength) continue;
    yield piece;
    piece = "";
  }
  yield `${piece}\n}\n`;
}

/** The same document as an object: of an image whose mappings fit into memory together. */
export function inspectDocument(report: InspectReport): InspectDocument {
  const document: Record<string, unknown> = {};
  for (const [key, value] of parts(report)) document[key] = value instanceof List ? [...value.values] : value;
  if (report.diff !== null) {
    const { head, changes, tail } = diffParts(report.diff);
    const whole = [...changes].map(({ head, lost, gained }) => ({ ...head, lost: [...lost], gained: [...gained] }));
    document["diff"] = { ...head, changes: whole, ...tail };
  }
  return document as unknown as InspectDocument;
}

/** Values that are made one by one, and stand one to a line. */
class List {
  readonly values: Iterable<object>;

  constructor(values: Iterable<object>) {
    this.values = values;
  }
}

function* texts(report: InspectReport): Generator<string> {
  let before = "{\n  ";
  for (const [key, value] of parts(report)) {
    yield `${before}"${key}": `;
    if (value instanceof List) yield* listText(value);
    else yield JSON.stringify(value);
    before = ",\n  ";
  }
  if (report.diff !== null) yield* diffTexts(report.diff);
}

/** The document but for its difference, key by key. */
function* parts(report: InspectReport): Generator<readonly [key: string, value: unknown]> {
  const { inspection, shown } = report;
  const { source, units, firmware } = inspection;
  const devices = shown.map((i) => inspection.devices[i]!);
  yield ["schema", "dmalab.inspect/1"];
  const { format, machine, bytes, notes = [] } = source;
  yield ["source", { format, machine, bytes, notes }];
  yield ["verdict", inspectVerdict(report)];
  const unitValue = ({ root, registersAt, interruptTable, ...unit }: (typeof units)[number]) => ({
    ...unit,
    root: hex(root),
    registersAt: registersAt === null ? null : hex(registersAt),
    interruptTable: interruptTable === null ? null : hex(interruptTable),
  });
  yield ["units", new List(units.map(unitValue))];
  yield ["firmware", firmware == null ? null : firmwareValue(firmware)];
  const memoryOf = memoryCounter();
  yield ["devices", new List(map(devices, (device) => deviceValue(device, memoryOf)))];
  yield ["mappings", new List(mappingsOf(devices))];
  yield ["findings", new List(map(shownFindings(report), findingValue))];
  yield ["troubles", new List(troublesOf(report, devices))];
  if (report.who !== null) yield ["who", whoValue(report, report.who)];
  if (report.walk !== null) yield ["walk", walkValue(report.walk)];
}

function* listText({ values }: List): Generator<string> {
  let before = "[\n    ";
  for (const value of values) {
    yield before + JSON.stringify(value);
    before = ",\n    ";
  }
  yield before === "[\n    " ? "[]" : "\n  ]";
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

function diffParts({ difference, other }: DiffAnswer) {
  const changes = map(difference.changes, ({ name, pasid, before: was, after, words, lost, gained }) => ({
    head: { bdf: name, pasid, before: was?.state ?? null, after: after?.state ?? null, words },
    lost: mappingValues(name, pasid, lost),
    gained: mappingValues(name, pasid, gained),
  }));
  const tail = {
    verdict: inspectVerdict(other),
    findings: shownFindings(other).map(findingValue),
    notes: other.inspection.source.notes ?? [],
  };
  return { head: { same: difference.same }, changes, tail };
}

function* diffTexts(diff: DiffAnswer): Generator<string> {
  const { head, changes, tail } = diffParts(diff);
  yield `,\n  "diff": { "same": ${head.same}, "changes": [`;
  let before = "\n    ";
  for (const { head, lost, gained } of changes) {
    yield before + JSON.stringify(head).slice(0, -1);
    for (const [key, values] of [
      ["lost", lost],
      ["gained", gained],
    ] as const) {
      yield `,\n      "${key}": [`;
      let comma = "";
      for (const value of values) {
        yield comma + JSON.stringify(value);
        comma = ",\n        ";
      }
      yield "]";
    }
    yield "}";
    before = ",\n    ";
  }
  const { verdict, findings, notes } = tail;
  yield `],\n    "verdict": ${JSON.stringify(verdict)},\n    "findings": ${JSON.stringify(findings)}, "notes": ${JSON.stringify(notes)} }`;
}
