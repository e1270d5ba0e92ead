/**
 * One request on its way through a unit, step by step: entries of device tables are fetched piece by piece, caches are
 * asked and filled, tables are walked. Between two steps anything else may happen, so what a device in the midst of a
 * change sees is what these steps see.
 */
import type { EntryRead } from "../../../table/device/index.js";
import { faultParts } from "../../../table/index.js";
import { EntryFetch } from "./entry_fetch.js";
import { Refusal } from "./model.js";
import { AddressType, type DmaRequest, Outcome, type Resolution } from "./request.js";
import {
  beginAgain,
  forgetFindings,
  type LiveRequest,
  labels,
  requestOf,
  Stage,
  TransactionState,
} from "./request_state.js";
import { Translation } from "./translation.js";
import { unitMemory } from "./unit_memory.js";
import type { UnitParts } from "./unit_parts.js";

export class Transaction {
  readonly name: string;
  /** Its number in the unit. */
  readonly slot: number;
  readonly #s: LiveRequest;
  readonly #unit: UnitParts;
  readonly #entries: EntryFetch;
  readonly #translation: Translation;

  constructor(unit: UnitParts, name = "request", slot = 0) {
    this.name = name;
    this.slot = slot;
    this.#unit = unit;
    this.#s = unit.state.place(TransactionState, name);
    const tables = unitMemory(unit.memory);
    this.#entries = new EntryFetch(unit, this.#s, tables);
    this.#translation = new Translation(unit, this.#s, this.#entries, tables);
  }

  /** True from a request's begin until its access to memory is over (`end`): an invalidation that drains waits for it. */
  get isUnderWay(): boolean {
    return this.#s.stage !== Stage.idle;
  }

  get isWrite(): boolean {
    return this.#s.write === 1;
  }

  get isDone(): boolean {
    return this.#s.stage === Stage.done;
  }

  /** It waits for software to say how it goes on. */
  get isStalled(): boolean {
    return this.#s.stage === Stage.stalled;
  }

  get requester(): number {
    return this.#s.requester;
  }

  /** An invalidation is carried out: what this request read before is not kept after it. */
  overtake(): void {
    if (this.#isAtWork) this.#s.overtaken = 1;
  }

  /** A completion is to come when what is under way now has ended; what stalls is not waited for. */
  await(): void {
    if (this.#isAtWork || this.isDone) this.#s.awaited = 1;
  }

  get isAwaited(): boolean {
    return this.#s.awaited === 1;
  }

  /** Of one that stalls: from its begin again, or to its end. */
  resume(how: "again" | "refused" | "swallowed"): void {
    if (how === "again") {
      beginAgain(this.#s);
      return;
    }
    this.#s.outcome = how === "refused" ? Outcome.refused : Outcome.swallowed;
    this.#s.stage = Stage.done;
  }

  /** The unit was switched on or off: what stalls or waits is refused, all else begins again. */
  restart(): void {
    if (this.isStalled || this.#s.stage === Stage.waits) this.resume("refused");
    else if (this.#isAtWork) beginAgain(this.#s);
  }

  get #isAtWork(): boolean {
    const { stage } = this.#s;
    return stage !== Stage.idle && stage < Stage.done;
  }

  /** Take on a request; the one before is over. */
  begin(r: DmaRequest): void {
    const s = this.#s;
    s.requester = r.requester;
    s.pasid = r.pasid === null ? 0 : r.pasid + 1;
    s.frame = r.frame;
    s.offset = r.offset;
    s.write = r.write ? 1 : 0;
    s.type = r.type;
    s.stage = Stage.lookUp;
  }

  /** The answer was taken: nothing of it is kept, so that equal machines are equal. */
  end(): void {
    const s = this.#s;
    forgetFindings(s);
    s.stage = Stage.idle;
    s.requester = s.pasid = s.offset = s.frame = 0;
    s.write = s.awaited = 0;
    s.type = AddressType.untranslated;
  }

  get result(): Resolution {
    const s = this.#s;
    return {
      outcome: s.outcome,
      frame: s.reached,
      allow: s.allow,
      sizeLg2: s.sizeLg2,
      code: s.code,
      fromCache: s.fromCache === 1,
    };
  }

  choices(): number {
    const { caches } = this.#unit;
    switch (this.#s.stage) {
      case Stage.idle:
      case Stage.done:
      case Stage.stalled:
        return 0;
      case Stage.waits:
        return this.#unit.model.canRecord() ? 1 : 0;
      case Stage.keepDevice:
        return caches.devices.slots.ways();
      case Stage.keepSpace:
        return caches.spaces.slots.ways();
      case Stage.keepTable:
        return caches.tables.slots.ways();
      case Stage.keepTranslation:
        return caches.translations.slots.ways();
      default:
        return 1;
    }
  }

  label(): string {
    return labels[this.#s.stage];
  }

  /** One piece of one entry is fetched in a step; all else that a step touches is the unit's own. */
  atomic(): string {
    if (this.#s.stage === Stage.walk) return "a walk that a change overtakes is drained before the change counts";
    return "what a unit keeps of a request, its caches and its registers are one to it";
  }

  step(way: number): void {
    const s = this.#s;
    switch (s.stage) {
      case Stage.lookUp:
        this.#entries.lookUp();
        break;
      case Stage.fetch:
        this.#entries.fetch();
        break;
      case Stage.keepDevice:
      case Stage.keepSpace:
        this.#entries.keep(way);
        break;
      case Stage.translate:
        this.#translation.translate();
        break;
      case Stage.walk:
        this.#translation.walk();
        break;
      case Stage.keepTable:
        this.#translation.keepTable(way);
        break;
      case Stage.keepTranslation:
        this.#translation.keepTranslation(way);
        break;
      case Stage.refuse:
        this.#refuse();
        break;
      default:
        beginAgain(s);
        break;
    }
  }

  #refuse(): void {
    const s = this.#s;
    const { entries }: { readonly entries: readonly EntryRead[] } = this.#entries.found();
    const stage = s.refusedIn === 0 ? null : s.refusedIn === 1 ? "first" : "second";
    const at = stage === null ? this.#entries.outsideAt : s.refusedAt;
    const { slot } = this;
    const fault = s.fault === 0 ? null : faultParts(-s.fault).name;
    const { requester, pasid, frame, offset, write, type } = requestOf(s);
    // Every field by its name: two spreads into one object took as long as all the rest of a refusal.
    const then = this.#unit.model.record({
      requester,
      pasid,
      frame,
      offset,
      write,
      type,
      code: s.code,
      entries,
      stage,
      fault,
      onTable: s.refusedOn === 1,
      at,
      slot,
    });
    if (then === Refusal.swallows) s.outcome = Outcome.swallowed;
    s.stage = then === Refusal.stalls ? Stage.stalled : then === Refusal.waits ? Stage.waits : Stage.done;
    if (s.stage !== Stage.done) s.awaited = 0;
  }
}
