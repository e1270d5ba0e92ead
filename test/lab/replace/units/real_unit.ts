/**
 * A whole unit behind the core's driver: entries are stored as a kernel stores them, commands are posted and waited for, and
 * devices go on meanwhile. What each DMA came to is held against where its device was led in that time.
 */
import type { Rng } from "../../../../src/base/rng.js";
import type { UnitCaches } from "../../../../src/hw/iommu/core/caches.js";
import { AddressType, Outcome } from "../../../../src/hw/iommu/core/request.js";
import type { Transaction } from "../../../../src/hw/iommu/core/transaction.js";
import type { Memory } from "../../../../src/mem/memory.js";
import type { Actor } from "../../../../src/sim/actor.js";
import type { MachineState, Mark } from "../../../../src/state/index.js";
import type { EntryFormat } from "../../../../src/sw/iommu/entry/entry_format.js";
import type { Sequence } from "../../../../src/sw/iommu/entry/sequences/sequence.js";
import type { Widths } from "../../../../src/sw/iommu/entry/write_entry.js";
import type { CacheTag } from "../../../../src/sw/iommu/group/cache_tags.js";
import type { DomainBook } from "../../../../src/sw/iommu/group/domain_book.js";
import type { Result } from "../../../../src/sw/iommu/group/errno.js";
import type { Led, Whose } from "../../../../src/sw/iommu/group/tagged_driver.js";
import { frameMax, type TestedUnit } from "../../../sw/iommu/group/tested_unit.js";

export const devices = 4;
export const pasids = 4;
/** Pages of programs are frames from here on; none of them is touched. */
const pagesAt = 0x1000;

/** One entry of a structure, as it is to be. */
export interface Written {
  readonly at: number;
  readonly format: EntryFormat;
  readonly widths: Widths;
  readonly words: Uint32Array;
  /** A word that is stored at once needs no way. */
  readonly isOneStore?: boolean;
}

/** What is asked of where devices lead, by whoever makes entries of it. */
export interface Leads {
  readonly domains: DomainBook;
  readonly identity: number;
  of(whose: Whose): Led | null;
}

/** What a vendor's unit has of its own. */
export interface VendorUnit {
  readonly state: MachineState;
  readonly memory: Memory;
  readonly transactions: readonly Transaction[];
  readonly queue: Actor;
  readonly caches: UnitCaches;
  /** Which attachments its driver refuses. */
  refuses(asked: Whose & { readonly domain: number }, leads: Leads): Result;
  /** Entries as they are to be when this one leads elsewhere, in the order of their stores. */
  entries(whose: Whose, leads: Leads): readonly Written[];
  /** Tables that map a frame to another one, or to nothing (null), in all forms that a domain may have. */
  map(domain: number, frame: number, to: number | null): void;
  post(commands: readonly Uint32Array[]): void;
  isAnswered(): boolean;
  forgetEntry(whose: Whose, was: Led | null): readonly Uint32Array[];
  forgetId(id: number): readonly Uint32Array[];
  forgetDevice(whose: Whose): readonly Uint32Array[];
  forgetFrame(tag: CacheTag, frame: number): readonly Uint32Array[];
  /** What translations of it are kept under; null: none are kept. */
  tagOf(whose: Whose, led: Led, leads: Leads): { readonly domain: number; readonly space: number | null } | null;
}

/** What a unit is not told of, so that checks are seen to fail. */
export type Omitted = "entry" | "id" | "device" | "frame";

export interface Counts {
  dma: number;
  /** Refused though it led to the same page all the time: an entry was absent meanwhile. */
  gaps: number;
}

interface Flight {
  readonly transaction: Transaction;
  readonly whose: Whose;
  readonly frame: number;
}

export class RealUnit implements TestedUnit {
  readonly counts: Counts = { dma: 0, gaps: 0 };
  readonly #unit: VendorUnit;
  readonly #sequence: Sequence;
  readonly #leads: Leads;
  readonly #led = new Map<number, Led | null>();
  readonly #pages: number[] = [];
  readonly #nested = new Set<number>();
  /** Where each led and what each page was before the operation that is under way, and in it, where that has changed. */
  readonly #wasLed = new Map<number, (Led | null)[]>();
  readonly #wasPage = new Map<number, number[]>();
  readonly #start: Mark;
  #rng!: Rng;
  #flights: Flight[] = [];
  #wrong: string | null = null;
  #isAsking = false;

  readonly #omits: Omitted | undefined;

  constructor(
    unit: VendorUnit,
    sequence: Sequence,
    o: { readonly domains: DomainBook; readonly identity: number; readonly omits?: Omitted },
  ) {
    this.#omits = o.omits;
    this.#unit = unit;
    this.#sequence = sequence;
    this.#leads = { ...o, of: (whose) => this.#led.get(key(whose)) ?? null };
    unit.memory.noteIn(unit.state);
    unit.state.begin();
    this.#start = unit.state.mark();
  }

  refuses = (asked: Whose & { readonly domain: number }): Result => this.#unit.refuses(asked, this.#leads);

  forgetAll(rng: Rng): void {
    this.#unit.state.undoTo(this.#start);
    this.#rng = rng;
    this.#led.clear();
    this.#nested.clear();
    this.#pages.length = 0;
    this.#flights = [];
    this.#wrong = null;
  }

  map(domain: number, frame: number, page: number): void {
    const at = domain * frameMax + frame;
    noted(this.#wasPage, at, this.#pages[at] ?? 0);
    this.#pages[at] = page;
    this.#unit.map(domain, frame, page === 0 ? null : pagesAt + page);
  }

  clear(domain: number): void {
    for (let frame = 0; frame < frameMax; frame++) this.map(domain, frame, 0);
    this.#nested.delete(domain);
  }

  walk(domain: number, frame: number): number {
    const { domains, identity } = this.#leads;
    if (domain === identity) return frame + 1;
    const of = domains.kindOf(domain) === "nested" ? domains.parentOf(domain) : domain;
    return this.#pages[of * frameMax + frame] ?? 0;
  }

  lead(whose: Whose, to: Led | null): void {
    const was = this.#leads.of(whose);
    if (to !== null && this.#leads.domains.kindOf(to.domain) === "nested" && !this.#nested.has(to.domain)) {
      // A guest's own tables: each frame is the parent's of the same number.
      for (let frame = 0; frame < frameMax; frame++) this.#unit.map(to.domain, frame, frame);
      this.#nested.add(to.domain);
    }
    noted(this.#wasLed, key(whose), was);
    this.#led.set(key(whose), to);
    this.#aim(whose);
    for (const entry of this.#unit.entries(whose, this.#leads)) this.#store(entry, whose, was);
  }

  forgetEntry(whose: Whose): void {
    if (this.#omits !== "entry") this.#ask(this.#unit.forgetEntry(whose, null));
  }

  forgetId(id: number): void {
    if (this.#omits !== "id") this.#ask(this.#unit.forgetId(id));
  }

  forgetDevice(whose: Whose): void {
    if (this.#omits !== "device") this.#ask(this.#unit.forgetDevice(whose));
  }

  forgetFrame(tag: CacheTag, frame: number): void {
    if (this.#omits !== "frame") this.#ask(this.#unit.forgetFrame(tag, frame));
  }

  /** Devices send one request after the other while the next operation is carried out. */
  begins(): void {
    this.#wasLed.clear();
    this.#wasPage.clear();
    this.#flights = this.#unit.transactions.slice(1).map((transaction) => this.#send(transaction));
  }

  /** @returns what a DMA came to that it must not have come to, in words */
  ends(): string | null {
    for (const flight of this.#flights) {
      if (!flight.transaction.isUnderWay) continue;
      this.#finish(flight.transaction);
      this.#arrive(flight);
    }
    this.#flights = [];
    return this.#wrong;
  }

  reach(whose: Whose, frame: number): number {
    const transaction = this.#unit.transactions[0]!;
    transaction.begin(request(whose, frame));
    this.#finish(transaction);
    const page = this.#reached(transaction, frame);
    transaction.end();
    this.counts.dma++;
    return page;
  }

  stale(ledTo: (whose: Whose) => number, idOf: (domain: number) => number): string | null {
    const { translations } = this.#unit.caches;
    const live = new Set<number>();
    for (let n = 0; n < devices * pasids; n++) {
      const whose = { device: Math.floor(n / pasids), pasid: n % pasids };
      const led = this.#leads.of(whose);
      if (led === null) continue;
      const tag = this.#unit.tagOf(whose, led, this.#leads);
      if (tag === null) continue;
      live.add(tag.domain);
      if (ledTo(whose) !== led.domain) return `I4: device ${whose.device} is led to ${led.domain}`;
      if (idOf(led.domain) !== led.id) return `I6: domain ${led.domain} has not the id ${led.id}`;
      for (let frame = 0; frame < frameMax; frame++) {
        const slot = translations.find({ ...tag, globals: 0 }, frame, 0);
        if (slot < 0) continue;
        const kept = translations.outputOf(slot) - pagesAt;
        if (kept !== this.walk(led.domain, frame))
          return `I6: for ${JSON.stringify(whose)} the unit keeps frame ${frame} as ${kept}, under ${JSON.stringify(tag)}`;
      }
    }
    for (let slot = 0; slot < translations.slots.count; slot++)
      if (translations.allowOf(slot) !== 0 && !live.has(translations.domainOf(slot)))
        return `I6: the unit keeps what is of id ${translations.domainOf(slot)}, which nobody has`;
    return null;
  }

  #store({ at, format, widths, words, isOneStore }: Written, whose: Whose, was: Led | null): void {
    const { memory } = this.#unit;
    const from = new Uint32Array(words.length);
    memory.load(at, from);
    if (from.every((w, n) => w === words[n])) return;
    if (isOneStore === true) {
      memory.store(at, words);
      this.#hardware(this.#rng.below(8));
      return;
    }
    for (const step of this.#sequence.steps({ format, from, to: words, widths, retagged: (entry) => entry })) {
      if (step.kind === "store") memory.store(at + step.word * 4, step.words);
      else if (step.kind === "sync" && this.#omits !== "entry") this.#ask(this.#unit.forgetEntry(whose, was));
      this.#hardware(this.#rng.below(8));
    }
  }

  #ask(commands: readonly Uint32Array[]): void {
    if (commands.length === 0) return;
    this.#unit.post(commands);
    this.#isAsking = true;
    for (let n = 0; !this.#unit.isAnswered(); n++) {
      if (n > 10_000) throw new Error("the unit does not answer");
      this.#hardware(1);
    }
    this.#isAsking = false;
  }

  /** Anybody takes a step, so often. */
  #hardware(steps: number): void {
    const { queue } = this.#unit;
    const flights = this.#flights;
    for (let n = 0; n < steps; n++) {
      const who = this.#rng.below(flights.length + 1);
      if (who > 0) {
        const { transaction } = flights[who - 1]!;
        if (transaction.isDone) this.#arrive(flights[who - 1]!);
        else if (transaction.isUnderWay) this.#step(transaction);
        // An invalidation that drains waits until nothing is under way: who sends on would have it wait for ever.
        else if (!this.#isAsking || queue.choices() > 0) flights[who - 1] = this.#send(transaction);
        continue;
      }
      const choices = queue.choices();
      if (choices > 0) queue.step(choices === 1 ? 0 : this.#rng.below(choices));
    }
  }

  /** Often it is the device whose entry is to be stored that has a request somewhere on its way. */
  #aim(whose: Whose): void {
    if (this.#rng.below(2) === 0) return;
    for (const [n, flight] of this.#flights.entries()) {
      if (flight.transaction.isUnderWay) {
        this.#finish(flight.transaction);
        this.#arrive(flight);
      }
      this.#flights[n] = this.#send(flight.transaction, whose);
    }
    this.#hardware(this.#rng.below(24));
  }

  #send(transaction: Transaction, whose = { device: this.#rng.below(devices), pasid: this.#rng.below(3) }): Flight {
    const frame = this.#rng.below(frameMax);
    transaction.begin(request(whose, frame));
    return { transaction, whose, frame };
  }

  #arrive({ transaction, whose, frame }: Flight): void {
    const page = this.#reached(transaction, frame);
    transaction.end();
    this.counts.dma++;
    if (this.#mayReach(whose, frame, page)) return;
    const isChanged = [0, 1, 2, 3].some((pasid) => this.#wasLed.has(key({ ...whose, pasid })));
    if (page === 0 && isChanged) this.counts.gaps++;
    else this.#wrong ??= `I4: ${JSON.stringify(whose)} reached ${page} through frame ${frame} on the way`;
  }

  /** Is it a page that it was meant to reach at any time of this operation? */
  #mayReach(whose: Whose, frame: number, page: number): boolean {
    const { domains, identity } = this.#leads;
    return [this.#leads.of(whose), ...(this.#wasLed.get(key(whose)) ?? [])].some((led) => {
      if (led === null) return page === 0;
      if (this.walk(led.domain, frame) === page) return true;
      if (led.domain === identity) return false;
      const of = domains.kindOf(led.domain) === "nested" ? domains.parentOf(led.domain) : led.domain;
      return this.#wasPage.get(of * frameMax + frame)?.includes(page) ?? false;
    });
  }

  #step(transaction: Transaction): void {
    const choices = transaction.choices();
    if (choices > 0) transaction.step(this.#rng.below(choices));
  }

  #finish(transaction: Transaction): void {
    for (let n = 0; !transaction.isDone; n++) {
      if (n > 10_000) throw new Error("a request does not come to its end");
      this.#step(transaction);
    }
  }

  #reached({ result }: Transaction, frame: number): number {
    if (result.outcome !== Outcome.passes) return 0;
    return result.frame === frame ? frame + 1 : result.frame - pagesAt;
  }
}

function noted<T>(all: Map<number, T[]>, at: number, was: T): void {
  const known = all.get(at);
  if (known === undefined) all.set(at, [was]);
  else known.push(was);
}

const request = ({ device, pasid }: Whose, frame: number) =>
  ({
    ...{ requester: device, pasid: pasid === 0 ? null : pasid, offset: 0, write: true, frame },
    type: AddressType.untranslated,
  }) as const;

const key = ({ device, pasid }: Whose) => device * 8 + pasid;
