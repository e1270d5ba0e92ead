/**
 * The recorded requests on another pool, one by one, so that every report can be made of what would have happened.
 */
import { u64High, u64Low } from "../../../base/u64.js";
import type { Pool } from "../../../sw/swiotlb/index.js";
import type { Alignments } from "../contracts/alignments.js";
import type { Mappings } from "../contracts/mappings.js";
import { Outcome } from "../contracts/operation.js";
import { type PoolRefusal, refusalOf } from "../contracts/refusal.js";
import { type CarriedSink, Choice } from "../contracts/sinks.js";
import type { Machine } from "../machine/machine.js";
import type { DeviceMasks } from "../machine/masks.js";
import { lastByteReached } from "./last_byte_reached.js";
import type { RequestSink } from "./request_stream.js";
import type { Replacement } from "./setting.js";

/** Where a pool is taken to lie when neither log nor addresses say it. */
export const assumedBase = 0x70000000;

/** The recorded machine with another pool. */
export function withReplacement(
  machine: Machine,
  { profile = machine.pool?.profile ?? machine.profile, ...s }: Replacement,
): Machine {
  const base = machine.pool?.base ?? assumedBase;
  const none = s.slots === 0;
  const asked = none ? "no pool, as was asked for" : "the pool that was asked for";
  const evidence = [`${asked}; what follows here is of the recorded one`, ...machine.evidence];
  return { ...machine, evidence, pool: none ? null : { base, ...s, profile, late: false } };
}

export class ReplacementPool implements RequestSink {
  readonly #recorded: Mappings;
  /** What becomes of the same mappings here. */
  readonly #maps: Mappings;
  readonly #pool: Pool | null;
  readonly #forced: boolean;
  readonly #alignments: Alignments;
  readonly #masks: DeviceMasks;
  readonly #sink: CarriedSink;
  /** Mappings alive on this pool, by the request's number. */
  readonly #living = new Map<number, number>();

  /** @param o.recorded the requests; @param o.maps where they are told as mappings of this pool */
  constructor(o: {
    readonly recorded: Mappings;
    readonly maps: Mappings;
    /** null: there is no pool, and what needs a bounce is refused. */
    readonly pool: Pool | null;
    readonly forced: boolean;
    readonly alignments: Alignments;
    readonly masks: DeviceMasks;
    readonly sink: CarriedSink;
  }) {
    this.#recorded = o.recorded;
    this.#maps = o.maps;
    this.#pool = o.pool;
    this.#forced = o.forced;
    this.#alignments = o.alignments;
    this.#masks = o.masks;
    this.#sink = o.sink;
  }

  begin(recorded: number, id: number): void {
    const maps = this.#maps;
    const m = maps.addLike(this.#recorded, recorded);
    const d = maps.device[m]!;
    const printed = this.#masks.isStated(d) ? Number.NaN : maps.mask[m]!;
    const mask = Number.isNaN(printed) ? this.#masks.at(d, maps.time[m]!).mask : printed;
    const last = lastByteReached(this.#recorded, recorded);
    const reachable = !(last > (Number.isNaN(mask) ? Number.MAX_VALUE : mask));
    maps.mask[m] = mask;
    maps.forced[m] = this.#forced ? 1 : 0;
    maps.bounced[m] = this.#forced || !reachable ? 1 : 0;
    maps.outcome[m] = Outcome.granted;
    maps.address[m] = reachable ? last + 1 - maps.size[m]! : maps.orig[m]!;
    if (maps.bounced[m] === 0) this.#served(m, id, Choice.none);
    else if (this.#pool === null) this.#refused(m, { reason: "absent", slots: 0 });
    else this.#bounce(m, id, this.#pool);
  }

  end(id: number, time: number): void {
    const m = this.#living.get(id);
    if (m === undefined) return;
    const { offset, device, time: began } = this.#maps;
    this.#living.delete(id);
    if (offset[m]! >= 0) this.#pool!.unmap(offset[m]!, this.#alignments.minAlignMask(device[m]!, began[m]!));
    this.#sink.unmapped(m, time);
    this.#maps.drop(m);
  }

  #bounce(m: number, id: number, pool: Pool): void {
    const { device, time, cpu, orig, size, address, offset } = this.#maps;
    const a = this.#alignments,
      d = device[m]!;
    const high = u64High(orig[m]!);
    const low = u64Low(orig[m]!);
    const mam = a.minAlignMask(d, time[m]!);
    const at = pool.map(cpu[m]!, high, low, size[m]!, mam, a.allocAlignMask(d), a.boundarySlots(d, time[m]!));
    if (at < 0) {
      this.#refused(m, refusalOf(pool, this.#maps, m, a));
      return;
    }
    address[m] = pool.start + at;
    offset[m] = at;
    this.#served(m, id, at);
  }

  #served(m: number, id: number, at: number): void {
    this.#living.set(id, m);
    this.#sink.mapped(m, { model: at, kernel: at, agrees: true, refusal: null });
  }

  #refused(m: number, refusal: PoolRefusal): void {
    this.#maps.outcome[m] = Outcome.refused;
    this.#maps.address[m] = Number.NaN;
    this.#sink.mapped(m, { model: Choice.refused, kernel: Choice.refused, agrees: true, refusal });
    this.#maps.drop(m);
  }
}
