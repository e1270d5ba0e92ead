/** Small machines put together by hand: what a rule needs and nothing else. */

import type { DeviceReach } from "../../../src/audit/inspect/facts/inspection.js";
import type { Known } from "../../../src/audit/inspect/facts/known.js";
import { ReverseIndex } from "../../../src/audit/inspect/facts/reverse_index.js";
import { TableFrames } from "../../../src/audit/inspect/table_frames.js";
import { mfn } from "../../../src/base/frame.js";
import type { UnitRoot } from "../../../src/table/device/attachment.js";
import { Ranges } from "../../../src/table/ranges.js";
import type { Allow, TableRoot } from "../../../src/table/root.js";

export const unit: UnitRoot = {
  kind: "vtd",
  mode: "legacy",
  root: 0x100000,
  size: 4096,
  split: 0,
  registersAt: 0xfed90000,
  translating: true,
  interruptRemapping: true,
  interruptTable: null,
  outputBits: 39,
  found: "registers",
  segment: 0,
};

export const tableAt = (address: number): TableRoot => ({
  format: "vtd-ss",
  address,
  level: 3,
  inputBits: 48,
  upper: "zero",
  outputBits: 39,
  allow: 3,
});

/** [iova, paddr, bytes, allow] */
export type Row = readonly [number, number, number, Allow?];

export function ranges(...rows: readonly Row[]): Ranges {
  const made = new Ranges();
  for (const [iova, paddr, bytes, allow = 3] of rows) made.push(iova, paddr, bytes, allow);
  return made;
}

/** A translated device with a table of its own at 0x200000 + its number; `more` changes what it needs to. */
export function device(requester: number, own: Ranges | null, more: Partial<DeviceReach> = {}): DeviceReach {
  return {
    segment: 0,
    requester,
    pasid: null,
    state: own === null ? "blocked" : "translated",
    why: "as the test says",
    domain: own === null ? null : requester,
    stage: own === null ? null : "second",
    ats: false,
    first: [],
    second: own === null ? null : tableAt(0x200000 + requester * 4096),
    allow: 3,
    entries: [],
    unit: 0,
    ranges: own,
    troubles: [],
    everyPage: true,
    ...more,
  };
}

/** 1 GiB of memory from 0, one unit that does all it can, nothing wrong. */
export function machine(devices: readonly DeviceReach[], more: Partial<Known> = {}): Known {
  return {
    units: [unit],
    devices,
    unitTroubles: [],
    unread: [],
    machine: null,
    index: new ReverseIndex(devices),
    tables: new TableFrames(),
    runs: [{ first: mfn(0), frameCount: 2 ** 18 }],
    whole: true,
    places: [],
    ram: [{ from: 0, to: 2 ** 30 }],
    isPartial: false,
    strangers: [],
    kernel: null,
    reserved: null,
    bus: null,
    uncovered: [],
    registerNotes: [],
    silent: [],
    missingUnits: [],
    uncheckedInterrupts: [],
    otherTables: [],
    ...more,
  };
}

export function frames(use: Parameters<TableFrames["add"]>[1], ...addresses: number[]): TableFrames {
  const made = new TableFrames();
  for (const address of addresses) made.add(mfn(address / 4096), use);
  return made;
}
