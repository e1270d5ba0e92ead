/** What the dumps of a Xen domain say of its pool, for the machine that is inferred from a recording. */

import type { PoolFile } from "../../../read/xen/pool_file.js";
import { setSlots, slotBytes } from "../../../spec/swiotlb/sizes.js";
import type { InitialPool } from "../contracts/initial_pool.js";
import type { BounceByAddress } from "../contracts/sinks.js";
import type { FirstReading } from "../machine/first_reading.js";
import type { LogFacts } from "../machine/log_facts.js";
import { alignmentsOf, type KnownPool, type Machine, type PoolMachine } from "../machine/machine.js";
import { bounceByFrames } from "./bounce_by_frames.js";
import { initialPoolOf, learntInitialPool, predictedFrom } from "./initial_pool.js";
import { isArm } from "./memory.js";
import { Owners } from "./owners.js";
import type { PoolFrames } from "./pool_frames.js";
import type { Dated, XenFiles } from "./xen_files.js";
import { allFrames, directFrames, framesOf, ownAddress, type XenMachine } from "./xen_machine.js";

/**
 * A paravirtualised domain's pool begins at a multiple of a slot set; a directly mapped one's is as any other.
 * Source: Linux drivers/xen/swiotlb-xen.c.
 */
export function xenPoolStep(xen: XenMachine | null): { readonly baseStep?: number } {
  return xen === null || xen.memory === "direct" ? {} : { baseStep: setSlots * slotBytes };
}

/** Bounces that a dump of the pool is tried on. */
const triedMax = 20_000;

export const noFiles: XenFiles = { p2m: [], m2p: [], pool: [], guests: [], passedOver: [] };

export interface Before {
  readonly known: KnownPool | null;
  /** Bus addresses into the domain's own; null outside Xen. */
  readonly own: ((address: number) => number) | null;
}

/** What tells bounces by their addresses in the first reading, before any dump is chosen: the pool never moves. */
export function firstBounceByFrames(
  files: XenFiles,
  learnt: ReadonlySet<number>,
  log: LogFacts | null,
): BounceByAddress {
  const p2m = files.p2m[0]?.table ?? null;
  const direct = isArm(log) || p2m?.isTree === true;
  const pools = files.pool.map((f) => framesOf(f.table));
  // Where the log says that the pool is, it is on the bus, too.
  if (direct && pools.length === 0 && log?.pool != null) {
    pools.push(directFrames({ start: log.pool.from, slots: (log.pool.to - log.pool.from) / slotBytes }));
  }
  return bounceByFrames(pools, learnt, p2m === null ? null : new Owners({ p2m, m2p: null, guests: [] }), direct);
}

/** What is known before anything is inferred. */
export function domainOf(xen: XenMachine | null): Before {
  if (xen === null) return { known: null, own: null };
  const { pool } = xen;
  const frames = pool === null ? null : framesOf(pool);
  const known =
    pool === null
      ? null
      : { base: pool.start, slots: pool.slots, areas: pool.areaCount, forced: pool.forced, name: pool.name };
  return { known, own: ownAddress(xen, frames) };
}

/** The inferred machine with its pool where it is on the bus, and in the state in which the recording begins. */
export function placedIn(
  xen: XenMachine | null,
  machine: Machine,
  firstReading: FirstReading,
): { readonly machine: Machine; readonly frames: PoolFrames | null } {
  const { pool } = machine;
  if (xen === null || pool === null) return { machine, frames: null };
  const frames = allFrames(xen, { start: pool.base, slots: pool.slots });
  const dumped = chooseBegin(xen, machine, pool, firstReading);
  const begin = dumped ?? learntInitialPool(pool, firstReading.sample);
  const late = dumped === null ? pool.late : false;
  const placed: PoolMachine = { ...pool, late, addresses: frames, initial: begin };
  const sources =
    xen.pool === null && xen.memory !== "direct"
      ? "machine frames of the pool: the P2M, or the answers of searches"
      : null;
  const evidence = [...machine.evidence, ...(sources === null ? [] : [sources])];
  return { machine: { ...machine, evidence, pool: placed }, frames };
}

/** Whether something in the pool was unmapped that was mapped before the recording, and that the dump does not hold. */
function missesHeld(file: PoolFile, pool: PoolMachine, firstReading: FirstReading): boolean {
  const used = new Set(file.slotsUsed.map((s) => s.slot));
  return firstReading.orphans.some((o) => {
    const slot = Math.floor((o.address - pool.base) / slotBytes);
    return slot >= 0 && slot < pool.slots && !used.has(slot);
  });
}

/** The dump of the pool that predicts the recording's first bounces; null when none does. */
function chooseBegin(
  xen: XenMachine,
  machine: Machine,
  pool: PoolMachine,
  firstReading: FirstReading,
): InitialPool | null {
  const { minAlignMask, boundarySlots } = alignmentsOf(machine.devices);
  let best: Dated<PoolFile> | null = null;
  let fit = { first: 0, equal: -1, compared: 0 };
  for (const f of xen.begins) {
    if (missesHeld(f.table, pool, firstReading)) continue;
    const o = { most: triedMax, minAlignMask, boundarySlots };
    const found = predictedFrom(pool, initialPoolOf(f.table), firstReading.sample, o);
    if (found.equal <= fit.equal || (found.first === 0 && found.compared > 0)) continue;
    best = f;
    fit = found;
  }
  if (xen.pool !== null && xen.pool.name !== best?.name) {
    xen.files.push({ name: xen.pool.name, used: "bounds and machine frames of the pool" });
  }
  if (xen.poolAfter !== null) {
    if (xen.poolAfter === best?.table) xen.poolAfter = null;
    else xen.files.push({ name: xen.poolAfter.name, used: "state of the pool after the recording" });
  }
  if (best === null) {
    xen.notes.push(
      xen.begins.length === 0
        ? "no dump of the pool from before the recording: where searches begin is learnt from the first bounces"
        : "no dump of the pool predicts the first bounces: none is from just before the recording",
    );
    return null;
  }
  xen.files.push({ name: best.name, used: `state of the pool before the recording (${fitWords(fit)})` });
  return initialPoolOf(best.table);
}

function fitWords({ first, equal, compared }: { first: number; equal: number; compared: number }): string {
  if (compared === 0) return "no bounce to try it on";
  if (first === compared) return `predicts ${first === 1 ? "the one bounce" : `all of ${compared} bounces`} tried`;
  return `predicts the first ${first} bounces, then one differs; ${equal} of ${compared} in all`;
}
