/** The entries of device tables that a request needs: found in caches, fetched piece by piece, kept. */
import type { Attachment, LookupFault } from "../../../table/device/index.js";
import type { FrameSource } from "../../../table/index.js";
import { EntryView } from "./entry_view.js";
import { KnownLookups } from "./known_lookups.js";
import { AddressType, Outcome } from "./request.js";
import { beginAgain, type LiveRequest, pasidOf, refused, Stage, wordsMax } from "./request_state.js";
import type { UnitParts } from "./unit_parts.js";

export class EntryFetch {
  readonly #s: LiveRequest;
  readonly #unit: UnitParts;
  readonly #view: EntryView;
  readonly #known: KnownLookups;
  readonly #words = new Uint32Array(wordsMax);
  readonly #piece: Uint32Array;

  /** @param tables memory as the unit reads it */
  constructor(unit: UnitParts, s: LiveRequest, tables: FrameSource) {
    this.#unit = unit;
    this.#s = s;
    this.#piece = new Uint32Array(unit.fetchBits / 32);
    this.#known = new KnownLookups(unit.model);
    this.#view = new EntryView(tables, (frame) => frame < unit.memory.frameCount);
  }

  /** Where the last look at the entries left memory, in bytes. */
  get outsideAt(): number {
    return this.#view.outsideAt;
  }

  /** Take from caches what is there; then is another entry needed? */
  lookUp(): void {
    const s = this.#s;
    const { model, caches } = this.#unit;
    if (s.type === AddressType.untranslated && model.isMessage(s.frame)) {
      if (s.write === 1) {
        s.outcome = Outcome.message;
        s.stage = Stage.done;
      } else {
        refused(s, model.isOn() ? (model.readsMessage?.() ?? null) : null);
      }
      return;
    }
    s.wordCount = s.cached = 0;
    const device = model.isOn() ? caches.devices.find(s.requester, null) : -1;
    if (device >= 0) this.#takeCached(device);
    this.#goOn();
  }

  /** Entries from caches, as far as they have the form that the unit now reads. */
  #takeCached(device: number): void {
    const s = this.#s;
    const { model, caches } = this.#unit;
    const words = caches.devices.copyTo(device, this.#words, 0);
    const space = caches.spaces.find(s.requester, pasidOf(s));
    const all = space < 0 ? words : words + caches.spaces.copyTo(space, this.#words, words);
    // What lies behind them there is of another request.
    s.words.copyFrom(this.#words.subarray(0, all));
    s.wordCount = all;
    this.found();
    if (this.#view.wordsOf(model.deviceEntries()) !== words) s.wordCount = 0;
    else {
      s.cached = this.#view.wordsOf(Number.POSITIVE_INFINITY) === all && space >= 0 ? 2 : 1;
      if (s.cached === 1) s.wordCount = words;
    }
  }

  /** With the entries that are here: is another one needed? */
  #goOn(): void {
    const s = this.#s;
    this.found();
    if (s.wordCount + this.#view.wantedCount > wordsMax) {
      // Registers changed meanwhile, and the entries that are here are of another form.
      beginAgain(s);
      return;
    }
    if (this.#view.wantedCount > 0) {
      s.wantedAt = this.#view.wantedAt;
      s.wantedCount = this.#view.wantedCount;
      s.got = 0;
      s.stage = Stage.fetch;
      return;
    }
    s.stage = this.#keeping();
  }

  /** What comes after the last entry: keeping what was fetched. */
  #keeping(): Stage {
    const s = this.#s;
    const found = this.found();
    const own = this.#unit.model.deviceEntries();
    const count = this.#view.entryCount;
    const isKept = isAttachment(found) || this.#unit.model.keepsInvalid;
    if (s.cached === 0 && count >= own && (isKept || count > own)) return Stage.keepDevice;
    if (s.cached < 2 && count > own && isKept) return Stage.keepSpace;
    return Stage.translate;
  }

  /** What the entries that are here say. */
  found(): Attachment | LookupFault {
    const s = this.#s;
    s.words.copyTo(this.#words);
    this.#view.begin(this.#words, s.wordCount);
    return this.#known.find(this.#view, s.requester, pasidOf(s), s.type);
  }

  /** One piece of the entry that is wanted. */
  fetch(): void {
    const s = this.#s;
    const count = Math.min(this.#piece.length, s.wantedCount - s.got);
    const piece = this.#piece.subarray(0, count);
    this.#unit.memory.load(s.wantedAt + s.got * 4, piece);
    s.words.copyFrom(piece, s.wordCount + s.got);
    s.got += count;
    if (s.got < s.wantedCount) return;
    s.wordCount += s.wantedCount;
    s.wantedAt = s.wantedCount = s.got = 0;
    this.#goOn();
  }

  /** In the cache of devices or of address spaces. @param way which entry goes */
  keep(way: number): void {
    const s = this.#s;
    const { caches, model } = this.#unit;
    const found = this.found();
    const split = this.#view.wordsOf(model.deviceEntries());
    const domain = isAttachment(found) ? model.tagOf(found).domain : 0;
    if (s.stage === Stage.keepDevice) {
      if (s.overtaken === 0)
        caches.devices.fill({ requester: s.requester, pasid: null, domain }, this.#words.subarray(0, split), way);
      s.cached = 1;
    } else {
      const words = this.#words.subarray(split, s.wordCount);
      const counts = isAttachment(found) ? found.pasid : pasidOf(s);
      if (s.overtaken === 0)
        caches.spaces.fill({ requester: s.requester, pasid: pasidOf(s), domain, counts }, words, way);
      s.cached = 2;
    }
    s.stage = this.#keeping();
  }
}

export const isAttachment = (found: Attachment | LookupFault): found is Attachment => "state" in found;
