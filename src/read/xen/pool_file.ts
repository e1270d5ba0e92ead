/**
 * The bounce pool of a domain as read from its kernel's memory: bounds, areas, the machine frames behind it, and what
 * every used slot holds.
 *
 *   # nslabs=512 force_bounce=1 for_alloc=0 total_used=1 used_hiwater=259
 *   # pool start=3e700000 end=3e800000 nslabs=512 late=0 nareas=1 area_nslabs=512
 *   area 0 used=1 index=363
 *   frames pfn=3e700 n=40 mfn=1c0
 *   slot 0 orig=7943040 alloc_size=1522 list=0 pad=0
 *
 * Addresses and frames are hexadecimal, counts of slots and bytes decimal, `n` hexadecimal. Source of the fields: Linux
 * include/linux/swiotlb.h, struct io_tlb_mem, io_tlb_pool, io_tlb_area and io_tlb_slot.
 */
import { frameBytes } from "../../base/frame.js";
import { setSlots, slotBytes } from "../../spec/swiotlb/sizes.js";
import type { ByteSource } from "../bytes.js";
import { Unreadable } from "../unreadable.js";
import { numberedLines, shownLine } from "./lines.js";

/** 8 GiB of slots: no pool below 4 GiB is larger. */
const slotsMax = 2 ** 22;

export interface PoolArea {
  readonly used: number;
  /** Where the next search begins, slots from the area's first. */
  readonly index: number;
}

/** `count` frames from `pfn` on have the machine frames from `mfn` on. */
export interface PoolRun {
  readonly pfn: number;
  readonly count: number;
  readonly mfn: number;
}

export interface UsedSlot {
  readonly slot: number;
  /** Physical address of the buffer's part in this slot; NaN for padding. */
  readonly orig: number;
  /** Bytes from this slot to the allocation's end. */
  readonly allocSize: number;
  readonly pad: number;
}

export interface PoolFile {
  readonly name: string;
  /** Domain's own addresses, [start, end). */
  readonly start: number;
  readonly end: number;
  readonly slots: number;
  /** By number; empty when the file lists none. */
  readonly areas: readonly PoolArea[];
  readonly areaCount: number;
  /** null where the file does not say. */
  readonly forced: boolean | null;
  readonly used: number | null;
  readonly hiwater: number | null;
  readonly runs: readonly PoolRun[];
  readonly slotsUsed: readonly UsedSlot[];
}

class Draft {
  readonly facts = new Map<string, string>();
  readonly areas: PoolArea[] = [];
  readonly runs: PoolRun[] = [];
  readonly slots: UsedSlot[] = [];
}

/** @throws Unreadable, with the line, for a line of none of these forms, or bounds that are no pool's. */
export function readPoolFile(source: ByteSource): PoolFile {
  const draft = new Draft();
  for (const { text, number } of numberedLines(source)) {
    if (text === "" || take(text, draft)) continue;
    throw new Unreadable(
      source.name,
      `line ${number}`,
      "a line of a pool's dump (# pool, area, frames, slot)",
      shownLine(text),
    );
  }
  return finish(source.name, draft);
}

function take(text: string, draft: Draft): boolean {
  const m = /^(?:(#)|(area|slot) (\d{1,9})|(frames)) ?(.*)$/.exec(text);
  if (m === null) return false;
  const fields = new Map<string, string>();
  for (const [, key, value] of m[5]!.matchAll(/(\w+)=(-?\w+)/g)) fields.set(key!, value!);
  if (m[1] !== undefined) {
    for (const [key, value] of fields) draft.facts.set(key, value);
    return true;
  }
  if (m[2] === "area") {
    const used = decimal(fields.get("used"));
    const index = decimal(fields.get("index"));
    draft.areas[Math.min(Number(m[3]), slotsMax)] = { used, index };
    return used >= 0 && index >= 0 && Number(m[3]) <= slotsMax;
  }
  if (m[2] === "slot") {
    const orig = hexadecimal(fields.get("orig"));
    const allocSize = decimal(fields.get("alloc_size"));
    const pad = fields.has("pad") ? decimal(fields.get("pad")) : 0;
    draft.slots.push({ slot: Number(m[3]), orig: orig >= 2 ** 53 ? Number.NaN : orig, allocSize, pad });
    return allocSize >= 0 && pad >= 0 && orig >= 0;
  }
  const run = {
    pfn: hexadecimal(fields.get("pfn")),
    count: hexadecimal(fields.get("n")),
    mfn: hexadecimal(fields.get("mfn")),
  };
  draft.runs.push(run);
  return run.pfn >= 0 && run.count > 0 && run.mfn >= 0 && run.count <= slotsMax;
}

const decimal = (text: string | undefined): number =>
  text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : -1;
const hexadecimal = (text: string | undefined): number =>
  text !== undefined && /^[0-9a-f]{1,16}$/.test(text) ? Number.parseInt(text, 16) : Number.NaN;

function finish(name: string, { facts, areas, runs, slots }: Draft): PoolFile {
  const start = hexadecimal(facts.get("start"));
  const end = hexadecimal(facts.get("end"));
  const count = (end - start) / slotBytes;
  if (!(count > 0 && count <= slotsMax && Number.isInteger(count) && start % frameBytes === 0)) {
    throw new Unreadable(name, "", "a line `# pool start=... end=...` with the bounds of a pool", "none");
  }
  const said = decimal(facts.get("nareas"));
  const areaCount = said > 0 ? said : Math.max(1, areas.length);
  if (areaCount > Math.max(1, count / setSlots)) {
    throw new Unreadable(name, "", `at most ${Math.floor(count / setSlots)} areas for ${count} slots`, `${areaCount}`);
  }
  if (areas.length > areaCount) throw new Unreadable(name, "", `${areaCount} areas`, `area ${areas.length - 1}`);
  const outside = slots.find((s) => s.slot >= count);
  if (outside !== undefined) throw new Unreadable(name, "", `slots below ${count}`, `slot ${outside.slot}`);
  const forced = facts.get("force_bounce");
  const used = decimal(facts.get("total_used"));
  const hiwater = decimal(facts.get("used_hiwater"));
  return {
    ...{ name, start, end, slots: count, areaCount, runs },
    areas: Array.from({ length: areas.length }, (_, a) => areas[a] ?? { used: 0, index: 0 }),
    forced: forced === undefined ? null : forced !== "0",
    used: used < 0 ? null : used,
    hiwater: hiwater < 0 ? null : hiwater,
    slotsUsed: slots.sort((a, b) => a.slot - b.slot),
  };
}
