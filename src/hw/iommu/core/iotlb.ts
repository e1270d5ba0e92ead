/**
 * The IOTLB: whole translations, by their true tags.
 *
 * Source: VT-d 4.1, 6.2.5; AMD IOMMU 48882, 2.4.3; Arm SMMUv3 IHI 0070, 3.17. An entry whose rights do not suffice is no
 * hit: the tables are walked again, which the specifications allow everywhere.
 */
import { u64, u64High, u64Low } from "../../../base/u64.js";
import type { MachineState } from "../../../state/machine_state.js";
import { Slots } from "./slots.js";
import { isOf, type SpaceScope, spaceWord, type Tag } from "./tag.js";

const Word = { flags: 0, domain: 1, space: 2, frame: 3, output: 5, origin: 7 } as const;
const width = 8;

export interface TlbEntry extends Tag {
  /** First frame of the input, and of the output. */
  readonly frame: number;
  readonly output: number;
  readonly sizeLg2: number;
  readonly allow: number;
  /** It counts for every space of its domain that has the same `globals`. */
  readonly global: boolean;
  /** log2 of the granule of the tables that gave it, and of the bytes of the leaf: of the first stage where there are two. */
  readonly granuleLg2: number;
  readonly leafLg2: number;
  /** Both stages were walked for it. */
  readonly composed: boolean;
}

/** What an invalidation asks for; what is left out is not asked. */
export interface TlbScope extends SpaceScope {
  /** Global entries go as well, where a space is named. Default true. */
  readonly globals?: boolean;
  /** log2 of the bytes of the leaf that gave it. */
  readonly leafLg2?: number;
  /** true: only those for which both stages were walked. */
  readonly composed?: boolean;
}

export class Iotlb {
  readonly slots: Slots;
  readonly #entry = new Uint32Array(width);

  constructor(state: MachineState, count: number, name = "IOTLB") {
    this.slots = new Slots(state, { name, doc: "translations with their tags", count, width });
  }

  /** @returns the slot that translates a frame with the rights that are needed; -1 when none does. */
  find(tag: Tag, frame: number, need: number): number {
    const { slots } = this;
    const space = spaceWord(tag.space);
    for (let slot = 0; slot < slots.count; slot++) {
      const flags = slots.word(slot, Word.flags);
      if (flags === 0 || slots.word(slot, Word.domain) !== tag.domain) continue;
      if (slots.word(slot, Word.space) !== space && !(isGlobal(flags) && space !== 0 && setOf(flags) === tag.globals))
        continue;
      if ((allowOf(flags) & need) !== need) continue;
      const first = this.frameOf(slot);
      if (frame >= first && frame < first + framesOf(flags)) return slot;
    }
    return -1;
  }

  frameOf(slot: number): number {
    return u64(this.slots.word(slot, Word.frame), this.slots.word(slot, Word.frame + 1));
  }

  outputOf(slot: number): number {
    return u64(this.slots.word(slot, Word.output), this.slots.word(slot, Word.output + 1));
  }

  allowOf(slot: number): number {
    return allowOf(this.slots.word(slot, Word.flags));
  }

  sizeLg2Of(slot: number): number {
    return sizeLg2Of(this.slots.word(slot, Word.flags));
  }

  domainOf(slot: number): number {
    return this.slots.word(slot, Word.domain);
  }

  /** Whether there is an entry of a domain. */
  keeps(domain: number): boolean {
    for (let slot = 0; slot < this.slots.count; slot++)
      if (this.slots.isUsed(slot) && this.domainOf(slot) === domain) return true;
    return false;
  }

  /** Entries of the same pages and tag are replaced; else `way` is one of `slots.ways()`. */
  fill(e: TlbEntry, way: number): void {
    const space = spaceWord(e.space);
    const w = this.#entry;
    w[Word.flags] = 1 | (e.allow << 1) | (e.global ? 8 : 0) | ((e.sizeLg2 - 12) << 4) | (e.globals << 10);
    w[Word.domain] = e.domain;
    w[Word.space] = space;
    w[Word.frame] = u64Low(e.frame);
    w[Word.frame + 1] = u64High(e.frame);
    w[Word.output] = u64Low(e.output);
    w[Word.output + 1] = u64High(e.output);
    w[Word.origin] = e.granuleLg2 | (e.leafLg2 << 8) | (e.composed ? 0x1_0000 : 0);
    const last = e.frame + 2 ** (e.sizeLg2 - 12) - 1;
    this.slots.clearWhere(
      (slot) =>
        this.slots.word(slot, Word.domain) === e.domain &&
        this.slots.word(slot, Word.space) === space &&
        this.#overlaps(slot, e.frame, last),
    );
    this.slots.put(way, w);
  }

  /** @returns how many entries went. */
  invalidate(scope: TlbScope): number {
    const {
      space,
      first = 0,
      last = Number.MAX_SAFE_INTEGER,
      globals = true,
      granuleLg2,
      leafLg2,
      composed = false,
    } = scope;
    const ofGlobals: SpaceScope = { ...scope, space: "any" };
    return this.slots.clearWhere((slot) => {
      const global = typeof space === "number" && isGlobal(this.slots.word(slot, Word.flags));
      if (global && !globals) return false;
      const [domain, ofSpace] = [this.slots.word(slot, Word.domain), this.slots.word(slot, Word.space)];
      if (!isOf(global ? ofGlobals : scope, domain, ofSpace)) return false;
      const origin = this.slots.word(slot, Word.origin);
      if (composed && origin < 0x1_0000) return false;
      if (granuleLg2 !== undefined && (origin & 0xff) !== granuleLg2) return false;
      if (leafLg2 !== undefined && ((origin >>> 8) & 0xff) !== leafLg2) return false;
      return this.#overlaps(slot, first, last);
    });
  }

  #overlaps(slot: number, first: number, last: number): boolean {
    const from = this.frameOf(slot);
    return from <= last && from + framesOf(this.slots.word(slot, Word.flags)) - 1 >= first;
  }
}

const isGlobal = (flags: number) => (flags & 8) !== 0;
const allowOf = (flags: number) => (flags >>> 1) & 3;
const setOf = (flags: number) => flags >>> 10;
const sizeLg2Of = (flags: number) => ((flags >>> 4) & 63) + 12;
const framesOf = (flags: number) => 2 ** (sizeLg2Of(flags) - 12);
