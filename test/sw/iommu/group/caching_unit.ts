/** A unit that keeps whatever it may keep, and devices that do: every DMA is asked of what they keep first. */
import type { CacheTag } from "../../../../src/sw/iommu/group/cache_tags.js";
import type { DomainBook } from "../../../../src/sw/iommu/group/domain_book.js";
import type { Led, Whose } from "../../../../src/sw/iommu/group/tagged_driver.js";
import { frameMax, type TestedUnit } from "./tested_unit.js";

/** What it can be made to leave undone, so that checks are seen to fail. */
export type Omission = "entry" | "id" | "device" | "nested";

interface Kept {
  readonly domain: number;
  readonly frame: number;
  readonly page: number;
}

export class CachingUnit implements TestedUnit {
  readonly #domains: DomainBook;
  readonly #identity: number;
  readonly #pages: number[] = [];
  readonly #entries = new Map<number, Led | null>();
  readonly #keptEntries = new Map<number, Led | null>();
  /** By id and frame. */
  readonly #byId = new Map<number, Kept & { readonly id: number }>();
  /** By device, PASID and frame. */
  readonly #byDevice = new Map<number, Kept & Whose>();
  readonly #omits: Omission | null;

  constructor(o: { readonly domains: DomainBook; readonly identity: number; readonly omits?: Omission }) {
    this.#domains = o.domains;
    this.#identity = o.identity;
    this.#omits = o.omits ?? null;
  }

  forgetAll(): void {
    this.#pages.length = 0;
    for (const kept of [this.#entries, this.#keptEntries, this.#byId, this.#byDevice]) kept.clear();
  }

  map(domain: number, frame: number, page: number): void {
    this.#pages[domain * frameMax + frame] = page;
  }

  clear(domain: number): void {
    for (let frame = 0; frame < frameMax; frame++) this.map(domain, frame, 0);
  }

  walk(domain: number, frame: number): number {
    if (domain === this.#identity) return frame + 1;
    const of = this.#domains.kindOf(domain) === "nested" ? this.#domains.parentOf(domain) : domain;
    return this.#pages[of * frameMax + frame] ?? 0;
  }

  lead(whose: Whose, to: Led | null): void {
    this.#entries.set(key(whose), to);
  }

  forgetEntry(whose: Whose): void {
    if (this.#omits !== "entry") this.#keptEntries.delete(key(whose));
  }

  forgetId(id: number): void {
    if (this.#omits === "id") return;
    for (const [at, kept] of this.#byId) if (kept.id === id) this.#byId.delete(at);
  }

  forgetDevice(whose: Whose): void {
    if (this.#omits === "device") return;
    for (const [at, kept] of this.#byDevice) if (key(kept) === key(whose)) this.#byDevice.delete(at);
  }

  forgetFrame(tag: CacheTag, frame: number): void {
    if (this.#omits === "nested" && tag.isNested) return;
    const names = (kept: Kept) => tag.isNested || kept.frame === frame;
    for (const [at, kept] of this.#byId)
      if (tag.kind === "unit" && kept.id === tag.id && names(kept)) this.#byId.delete(at);
    for (const [at, kept] of this.#byDevice)
      if (tag.kind === "device" && key(kept) === key(tag) && names(kept)) this.#byDevice.delete(at);
  }

  reach(whose: Whose, frame: number): number {
    const inDevice = this.#byDevice.get(key(whose) * frameMax + frame);
    if (inDevice !== undefined) return inDevice.page;
    const at = key(whose);
    if (!this.#keptEntries.has(at)) this.#keptEntries.set(at, this.#entries.get(at) ?? null);
    const led = this.#keptEntries.get(at)!;
    if (led === null) return 0;
    const inUnit = this.#byId.get(led.id * frameMax + frame);
    const page = inUnit?.page ?? this.walk(led.domain, frame);
    if (page === 0) return 0;
    if (inUnit === undefined)
      this.#byId.set(led.id * frameMax + frame, { id: led.id, domain: led.domain, frame, page });
    this.#byDevice.set(at * frameMax + frame, { ...whose, domain: led.domain, frame, page });
    return page;
  }

  stale(ledTo: (whose: Whose) => number, idOf: (domain: number) => number): string | null {
    for (const { id, domain, frame, page } of this.#byId.values()) {
      if (idOf(domain) !== id) return `I6: under id ${id} the unit keeps what is of domain ${domain}`;
      if (this.walk(domain, frame) !== page) return `I1: the unit keeps frame ${frame} of domain ${domain}`;
    }
    for (const { domain, frame, page, device, pasid } of this.#byDevice.values()) {
      if (ledTo({ device, pasid }) !== domain) return `I4: device ${device} keeps what is of domain ${domain}`;
      if (this.walk(domain, frame) !== page) return `I1: device ${device} keeps frame ${frame} of domain ${domain}`;
    }
    return null;
  }
}

/** PASIDs are below 8. */
const key = ({ device, pasid }: Whose) => device * 8 + pasid;
