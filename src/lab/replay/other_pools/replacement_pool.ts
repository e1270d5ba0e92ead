/**
 * The recorded requests on another pool, one by one, so that every report can be made of what would have happened.
 */
import type { Pool } from "../../../sw/swiotlb/index.js";
import type { Alignments } from "../contracts/alignments.js";
import { type Operation, Outcome, unmapping } from "../contracts/operation.js";
import { refusalOf } from "../contracts/refusal.js";
import type { Carried, CarriedSink } from "../contracts/sinks.js";
import type { Machine } from "../machine/machine.js";
import type { DeviceMasks } from "../machine/masks.js";
import { lastByteReached } from "./last_byte_reached.js";
import type { RequestSink } from "./request_stream.js";
import type { Replacement } from "./what_if.js";

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
  readonly #pool: Pool | null;
  readonly #forced: boolean;
  readonly #alignments: Alignments;
  readonly #masks: DeviceMasks;
  readonly #sink: CarriedSink;
  /** Mappings alive on this pool, by the request's number. */
  readonly #living = new Map<number, Operation>();

  constructor(o: {
    /** null: there is no pool, and what needs a bounce is refused. */
    readonly pool: Pool | null;
    readonly forced: boolean;
    readonly alignments: Alignments;
    readonly masks: DeviceMasks;
    readonly sink: CarriedSink;
  }) {
    this.#pool = o.pool;
    this.#forced = o.forced;
    this.#alignments = o.alignments;
    this.#masks = o.masks;
    this.#sink = o.sink;
  }

  begin(recorded: Operation, id: number): void {
    const d = recorded.device;
    const printed = this.#masks.isStated(d) ? Number.NaN : recorded.mask;
    const mask = Number.isNaN(printed) ? this.#masks.at(d, recorded.at).mask : printed;
    const last = lastByteReached(recorded);
    const reachable = !(last > (Number.isNaN(mask) ? Number.MAX_VALUE : mask));
    const bounced = this.#forced || !reachable;
    const fresh = { offset: -1, shown: null, address: reachable ? last + 1 - recorded.size : recorded.orig };
    const op: Operation = { ...recorded, id, bounced, mask, forced: this.#forced, ...fresh };
    if (!bounced) {
      this.#living.set(id, op);
      this.#tell(op, Number.NaN, null);
      return;
    }
    if (this.#pool === null) {
      op.address = Outcome.refused;
      this.#tell(op, -1, { reason: "absent", slots: 0 });
      return;
    }
    const a = this.#alignments;
    const high = Math.floor(op.orig / 2 ** 32);
    const low = op.orig >>> 0;
    const mam = a.minAlignMask(d, recorded.lo);
    const at = this.#pool.map(op.cpu, high, low, op.size, mam, a.allocAlignMask(d), a.boundarySlots(d, recorded.lo));
    if (at < 0) {
      op.address = Outcome.refused;
      this.#tell(op, -1, refusalOf(this.#pool, op, a));
      return;
    }
    op.address = this.#pool.start + at;
    op.offset = at;
    this.#living.set(id, op);
    this.#tell(op, at, null);
  }

  end(_recorded: Operation, id: number, time: number): void {
    const of = this.#living.get(id);
    if (of === undefined) return;
    this.#living.delete(id);
    if (of.offset >= 0) this.#pool!.unmap(of.offset, this.#alignments.minAlignMask(of.device, of.lo));
    const at = { lo: time, hi: time, at: time, loEvent: -1, hiEvent: -1 };
    this.#tell(unmapping(of, { cpu: of.cpu, task: of.task, context: of.context, ...at }), Number.NaN, null);
  }

  #tell(op: Operation, model: number, refusal: Carried["refusal"]): void {
    this.#sink.carried({ op, model, kernel: model, agrees: true, refusal });
  }
}
