/**
 * What to take from the record of each event, as flat numbers: the recording's formats against the table of
 * tracepoints, worked out once.
 */
import { EventKind } from "../event.js";
import { type Role, tracepoint, unsetDirection } from "../tracepoints.js";
import type { Field, Format } from "./format.js";
import { type ProbePlan, probePlan } from "./probe_plan.js";

/** Places within a plan. `At` is a byte offset in the record, -1 for none; `Bytes` the width there. */
export const Slot = {
  kind: 0,
  /** Records shorter than this are not what the format says. */
  leastBytes: 1,
  deviceAt: 2,
  directionAt: 3,
  /** The largest direction that is believed. */
  directionMost: 4,
  /** Of the low 32 bits. */
  attrsAt: 5,
  /** Numbers of 64 bits. */
  dmaAt: 6,
  physAt: 7,
  sizeAt: 8,
  maskAt: 9,
  /** Of the low byte. */
  forcedAt: 10,
  /** 1 when there is anything of what follows. */
  more: 11,
  /** How many numbers have fewer bits, and for each from `narrow`: its column, its offset, its bytes. */
  narrowCount: 12,
  narrow: 13,
  /** A list is a dynamic array, with its element's width; or one value in the record, with its width negated. */
  listDmaAt: 25,
  listDmaBytes: 26,
  listSizeAt: 27,
  listSizeBytes: 28,
  listPhysAt: 29,
  listPhysBytes: 30,
  totalAt: 31,
  totalBytes: 32,
} as const;

/** Columns of doubles by number. */
export const Column = { dma: 0, phys: 1, size: 2, mask: 3 } as const;

/** Numbers in a plan. */
export const planStride = 36;

export interface Plans {
  /**
   * By event number: where its plan begins; -1 for events that are `other`, -2 for those the file does not describe,
   * `firstProbe` - n for probe n.
   */
  readonly of: Int32Array;
  readonly probes: readonly ProbePlan[];
  readonly numbers: Int32Array;
  /** Where every record has these. */
  readonly common: { readonly flagsAt: number; readonly pidAt: number; readonly leastBytes: number };
  /** Fields that the table needs and a format lacks, as "dma_map_phys has no device". */
  readonly missing: readonly string[];
}

export const notDescribed = -2;
export const firstProbe = -3;

export function makePlans(formats: ReadonlyMap<number, Format>, little: boolean): Plans {
  const of = new Int32Array(65536).fill(notDescribed);
  const numbers: number[] = [];
  const missing: string[] = [];
  const probes: ProbePlan[] = [];
  const directionIsSet = [...formats.values()].some((f) => f.system === "dma" && has(f, "full_nents"));
  let common: Plans["common"] | null = null;
  for (const format of formats.values()) {
    of[format.id] = -1;
    if (tracepoint(format.system, format.name) === undefined) {
      const probe = probePlan(format);
      if (probe === null) continue;
      of[format.id] = firstProbe - probes.length;
      probes.push(probe);
      common ??= commonFields(format);
      continue;
    }
    common ??= commonFields(format);
    of[format.id] = numbers.length;
    numbers.push(...makePlan(format, little, directionIsSet, missing));
  }
  const usual = { flagsAt: 2, pidAt: 4, leastBytes: 8 };
  return { of, numbers: Int32Array.from(numbers), probes, common: common ?? usual, missing };
}

function has(format: Format, name: string): boolean {
  return format.fields.some((f) => f.name === name);
}

/** The fields every record begins with: the type always is the first two bytes. */
function commonFields(format: Format): Plans["common"] {
  const at = (name: string, otherwise: number) => format.fields.find((f) => f.name === name)?.offset ?? otherwise;
  const flagsAt = at("common_flags", 2);
  const pidAt = at("common_pid", 4);
  return { flagsAt, pidAt, leastBytes: Math.max(flagsAt + 1, pidAt + 4) };
}

/** Bytes of the numbers that records hold. */
const widths: ReadonlySet<number> = new Set([1, 2, 4, 8]);

/** Coherent memory has one direction, 0, so that `dma_alloc` is believed when it says that one, set or not. */
function mostDirection(name: string, isSet: boolean): number {
  if (name === "dma_alloc") return 0;
  return isSet || !unsetDirection.has(name) ? 3 : -1;
}

/** Half of a field of 64 bits, by a name as `Fields` has it. */
function halfOf(format: Format, [name = ""]: readonly string[], little: boolean): Field | undefined {
  const [of, half] = name.split(".");
  const whole = format.fields.find((f) => f.name === of && f.size === 8 && f.where === "here");
  if (half === undefined || whole === undefined) return undefined;
  return { ...whole, name, offset: whole.offset + ((half === "low") === little ? 0 : 4), size: 4 };
}

function makePlan(format: Format, little: boolean, directionIsSet: boolean, missing: string[]): Int32Array {
  const row = tracepoint(format.system, format.name)!;
  const plan = new Int32Array(planStride).fill(-1);
  let least = 0;
  const field = (role: Role): Field | null => {
    const names = row.fields[role];
    if (names === undefined) return null;
    const found = format.fields.find((f) => names.includes(f.name)) ?? halfOf(format, names, little);
    if (found === undefined) return null;
    least = Math.max(least, found.offset + found.size);
    return found;
  };
  const number = (role: Role, slot: number): void => {
    const f = field(role);
    if (f === null || f.where !== "here" || !widths.has(f.size)) return;
    plan[slot] = f.offset;
    plan[slot + 1] = f.size;
  };
  const column = (role: Role & keyof typeof Column): void => {
    const f = field(role);
    if (f === null || f.where !== "here" || !widths.has(f.size)) return;
    if (f.size === 8) plan[Slot[`${role}At`]] = f.offset;
    else plan.set([Column[role], f.offset, f.size], Slot.narrow + 3 * plan[Slot.narrowCount]!++);
  };
  const list = (role: Role, slot: number): void => {
    const f = field(role);
    if (f === null || f.elementBytes < 4 || f.where === "rel_loc" || (f.where === "data_loc" && f.size !== 4)) return;
    plan[slot] = f.offset;
    plan[slot + 1] = f.where === "here" ? -f.size : f.elementBytes;
  };

  plan[Slot.kind] = row.kind;
  const device = field("device");
  if (device !== null && device.where === "data_loc" && device.size === 4) plan[Slot.deviceAt] = device.offset;
  else if (row.fields.device !== undefined) missing.push(`${format.name} has no ${row.fields.device[0]}`);
  plan[Slot.directionMost] = mostDirection(format.name, directionIsSet);
  const direction = field("direction");
  if (direction?.size === 4) plan[Slot.directionAt] = direction.offset;
  const attrs = field("attrs");
  if (attrs?.size === 4 || attrs?.size === 8) plan[Slot.attrsAt] = attrs.offset + (little ? 0 : attrs.size - 4);
  plan[Slot.narrowCount] = 0;
  column("dma");
  column("phys");
  column("size");
  column("mask");
  const forced = field("forced");
  if (forced?.where === "here" && widths.has(forced.size)) {
    plan[Slot.forcedAt] = forced.offset + (little ? 0 : forced.size - 1);
  }
  list("listDma", Slot.listDmaAt);
  list("listSize", Slot.listSizeAt);
  list("listPhys", Slot.listPhysAt);
  number("physTotal", Slot.totalAt);
  const some = [Slot.listDmaAt, Slot.listPhysAt, Slot.totalAt].some((slot) => plan[slot]! >= 0);
  plan[Slot.more] = some || plan[Slot.narrowCount]! > 0 ? 1 : 0;
  plan[Slot.leastBytes] = least;
  if (row.kind === EventKind.map && field("dma") === null) missing.push(`${format.name} has no dma_addr`);
  return plan;
}
