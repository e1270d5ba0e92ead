/** What differs between two inspections: devices, their states, and ranges gained and lost, never lists of leaves. */
import { hexDigits } from "../../../base/hex.js";
import { Ranges } from "../../../table/ranges.js";
import { deviceName } from "../device_name.js";
import type { DeviceReach, Inspection } from "../facts/inspection.js";
import { difference } from "./range_difference.js";

/** One device or PASID that is not the same in both. */
export interface DeviceChange {
  readonly name: string;
  readonly pasid: number | null;
  /** null: it has no entry there. */
  readonly before: DeviceReach | null;
  readonly after: DeviceReach | null;
  /** What changed beside the ranges, in words: `state: translated, was blocked`. */
  readonly words: readonly string[];
  /** Translations of `before` that `after` does not have, and the other way round. */
  readonly lost: Ranges;
  readonly gained: Ranges;
}

export interface Difference {
  readonly changes: readonly DeviceChange[];
  /** Devices and PASIDs that are the same in both. */
  readonly same: number;
}

/** @returns devices in the order of their names; one that is the same in both is only counted. */
export function differenceOf(before: Inspection, after: Inspection): Difference {
  const was = keyed(before.devices);
  const is = keyed(after.devices);
  const compare = rangeComparer();
  const changes: DeviceChange[] = [];
  let same = 0;
  for (const key of [...new Set([...was.keys(), ...is.keys()])].sort()) {
    const a = was.get(key) ?? null;
    const b = is.get(key) ?? null;
    const words = wordsOf(a, b);
    const { lost, gained } = compare(a?.ranges ?? nothing, b?.ranges ?? nothing);
    const device = (a ?? b)!;
    if (words.length === 0 && lost.count === 0 && gained.count === 0) same++;
    else changes.push({ name: deviceName(device), pasid: device.pasid, before: a, after: b, words, lost, gained });
  }
  return { changes, same };
}

const nothing = new Ranges();

/** Devices that share tables in both images are compared once. */
function rangeComparer() {
  const done = new Map<Ranges, Map<Ranges, { lost: Ranges; gained: Ranges }>>();
  return (a: Ranges, b: Ranges) => {
    const known = done.get(a)?.get(b);
    if (known !== undefined) return known;
    const made = { lost: difference(a, b), gained: difference(b, a) };
    done.set(a, (done.get(a) ?? new Map()).set(b, made));
    return made;
  };
}

/** What is on no bus has a number of its own unit. */
const nameOf = (d: DeviceReach) => (d.path === undefined ? "" : deviceName(d));

/** The order of the keys is the order of the devices: every number has its full width. */
function keyed(devices: readonly DeviceReach[]): Map<string, DeviceReach> {
  const wide = (n: number) => hexDigits(n, 8);
  return new Map(
    devices.map((d) => [`${wide(d.segment)} ${wide(d.requester)} ${wide((d.pasid ?? -1) + 1)} ${nameOf(d)}`, d]),
  );
}

function wordsOf(a: DeviceReach | null, b: DeviceReach | null): string[] {
  if (a === null) return [`added: ${b!.state}`];
  if (b === null) return [`removed: was ${a.state}`];
  const words: string[] = [];
  const say = (what: string, before: unknown, now: unknown) => {
    if (before !== now) words.push(`${what}: ${now ?? "none"}, was ${before ?? "none"}`);
  };
  say("state", a.state, b.state);
  say("domain", a.domain, b.domain);
  say("stage", a.stage, b.stage);
  say("ATS", a.ats ? "on" : "off", b.ats ? "on" : "off");
  if (a.ranges === null && b.ranges === null) say("allowed", allowWords[a.allow], allowWords[b.allow]);
  return words;
}

const allowWords = ["nothing", "reading", "writing", "reading and writing"] as const;
