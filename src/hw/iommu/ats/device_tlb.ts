/**
 * The TLB that a device keeps of its own (ATS), and how it answers invalidations.
 *
 * Source: PCI Express 6.0, 10.2 (translations), 10.3 (invalidation): a device forgets, lets what used the translation reach
 * memory, and answers; it may take up to a minute and a half. An invalidation without PASID takes its range of all, what
 * was asked with a PASID too (Linux's arm_smmu_atc_inv_to_cmd says so); a global one its range of every PASID. What a faulty
 * device does instead is `Manners`.
 */
import { u64, u64High, u64Low } from "../../../base/u64.js";
import type { DeviceTlb as Contract, InvalidateRequest, InvalidationSink } from "../../../bus/ats.js";
import { cell, cells, type Live, type MachineState, record } from "../../../state/index.js";
import { Iotlb } from "../core/iotlb.js";
import { spaceWord, type Tag } from "../core/tag.js";

/** How a device answers invalidations. */
export type Manners =
  /** It forgets, then answers. */
  | "answers"
  /** It forgets and says nothing: hung, or gone. */
  | "never"
  /** It answers and forgets nothing. */
  | "lies"
  /** It answers each invalidation twice. */
  | "twice";

const wordsOf = 6;

export interface DeviceTlbOptions {
  readonly state: MachineState;
  readonly requester: number;
  readonly sink: InvalidationSink;
  /** Translations that it keeps. Default 1. */
  readonly entries?: number;
  /** Invalidations that it takes before it answered one (the Invalidate Queue Depth). Default 2. */
  readonly depth?: number;
  readonly manners?: Manners;
  /** Has it requests under way that use a translation of these frames? They reach memory before it answers. */
  readonly isUnderWay?: (first: number, last: number) => boolean;
}

/** Translations of a device have no domain: the device knows of none. */
const tagOf = (pasid: number | null): Tag => ({ domain: 0, space: pasid, globals: 0 });

export class DeviceTlb implements Contract {
  readonly name: string;
  readonly translations: Iotlb;
  readonly #o: DeviceTlbOptions;
  readonly #manners: Manners;
  readonly #depth: number;
  readonly #s: Live<{
    queue: ReturnType<typeof cells>;
    count: ReturnType<typeof cell>;
    forgot: ReturnType<typeof cell>;
  }>;

  constructor(o: DeviceTlbOptions) {
    this.#o = o;
    this.name = `device TLB ${o.requester.toString(16)}`;
    this.#manners = o.manners ?? "answers";
    this.#depth = o.depth ?? 2;
    this.translations = new Iotlb(o.state, o.entries ?? 1, this.name);
    const type = record(`${this.name} invalidations`, {
      queue: cells(
        this.#depth * wordsOf,
        "asked for, oldest first: tag plus one, PASID plus one, global, frame, log2 of frames",
      ),
      count: cell("how many are there"),
      forgot: cell("1 = the oldest was carried out and not answered; 2 = answered once"),
    });
    this.#s = o.state.place(type);
  }

  find(pasid: number | null, frame: number, need: number): number {
    return this.translations.find(tagOf(pasid), frame, need);
  }

  /** Keep what the unit answered. @param way one of `translations.slots.ways()` */
  keep(pasid: number | null, e: { frame: number; output: number; sizeLg2: number; allow: number }, way: number): void {
    const origin = { granuleLg2: 12, leafLg2: e.sizeLg2, composed: false };
    this.translations.fill({ ...tagOf(pasid), ...e, ...origin, global: false }, way);
  }

  /** More than it can take is lost, as a device's own fault. */
  invalidate({ tag, pasid, global, frame, frameCount }: InvalidateRequest): void {
    const s = this.#s;
    if (s.count === this.#depth) return;
    const words = [tag + 1, spaceWord(pasid), global ? 1 : 0, u64Low(frame), u64High(frame), lg2(frameCount)];
    s.queue.copyFrom(words, s.count * wordsOf);
    s.count++;
  }

  choices(): number {
    if (this.#s.count === 0) return 0;
    if (this.#s.forgot > 0) return this.#manners === "never" ? 0 : 1;
    const { first, last } = this.#range();
    return this.#manners !== "lies" && this.#o.isUnderWay?.(first, last) === true ? 0 : 1;
  }

  label(): string {
    return this.#s.forgot > 0 ? "answer" : "forget";
  }

  atomic(): string {
    return "a device's TLB and the invalidations that it was asked for are its own; an answer is one message";
  }

  step(): void {
    const s = this.#s;
    if (s.forgot === 0) {
      if (this.#manners !== "lies") this.#forget();
      s.forgot = 1;
      return;
    }
    const tag = s.queue.get(0) - 1;
    const again = this.#manners === "twice" && s.forgot === 1;
    if (again) s.forgot = 2;
    else this.#shift();
    this.#o.sink.completed({ requester: this.#o.requester, tags: 2 ** tag, count: 1 });
  }

  #range(): { readonly first: number; readonly last: number } {
    const { queue } = this.#s;
    const first = u64(queue.get(3), queue.get(4));
    return { first, last: first + 2 ** queue.get(5) - 1 };
  }

  #forget(): void {
    const { queue } = this.#s;
    const [pasid, isGlobal] = [queue.get(1), queue.get(2) === 1];
    const of = pasid === 0 ? {} : ({ space: isGlobal ? "any" : pasid - 1 } as const);
    this.translations.invalidate({ ...of, ...this.#range() });
  }

  #shift(): void {
    const s = this.#s;
    for (let n = 0; n < this.#depth * wordsOf; n++) {
      s.queue.set(n, n + wordsOf < this.#depth * wordsOf ? s.queue.get(n + wordsOf) : 0);
    }
    s.count--;
    s.forgot = 0;
  }
}

const lg2 = (count: number) => Math.round(Math.log2(count));
