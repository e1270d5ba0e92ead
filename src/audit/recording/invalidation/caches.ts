/**
 * Which caches may hold a domain's translations, and whether the recording shows what they were told to forget.
 *
 * A domain's caches are assigned right before a device of it is attached: so the events of one task tell whose they are.
 */
import { type EventBatch, EventKind } from "../../../read/event.js";
import type { Invalidation } from "./invalidation.js";

/** A unit's cache of one domain, or a device's own. */
export interface Cache {
  readonly of: "unit" | "device";
  /** Requester id of the device whose it is; -1 for a unit's. */
  readonly requester: number;
  /** Times of the first and the last invalidation of it that is recorded, microseconds; NaN where none is. */
  first: number;
  last: number;
}

export interface Domain {
  /** -1 where no event tells it: an invalidation of any domain may be of this one. */
  readonly id: number;
  readonly caches: Cache[];
  readonly devices: Set<number>;
}

const unitsCache = (): Cache => ({ of: "unit", requester: -1, first: Number.NaN, last: Number.NaN });
const isDevices = (cache: number) => cache === 1 || cache === 3;

/** Requester id of "0000:01:02.3"; -1 for another name. */
export function requesterOf(name: string): number {
  const parts = /^[0-9a-f]{4,8}:([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])$/i.exec(name);
  if (parts === null) return -1;
  const [bus, device, fn] = parts.slice(1).map((digits) => Number.parseInt(digits, 16));
  return (bus! << 8) | (device! << 3) | fn!;
}

export class Caches {
  readonly #name: (device: number) => string;
  readonly #byId = new Map<number, Domain>();
  readonly #byDevice = new Map<number, Domain>();
  readonly #nameless: Domain[] = [];
  /** Those of numbers that were seen before caches were. */
  readonly #assumed = new Set<Domain>();
  /** Whether caches are traced. */
  isTagged = false;
  /** What is assigned and not yet known to be whose. */
  #assigned: { readonly id: number; readonly kinds: number[] } | null = null;
  /** Two units number their domains alike, and events do not keep which is meant. */
  ambiguous = false;
  /** Whether posted descriptors are recorded: then nothing else counts. */
  posts = false;

  constructor(name: (device: number) => string) {
    this.#name = name;
  }

  /** The domain of a device. Kernels before 6.9 trace no caches: each device is then taken to have a domain of its own. */
  of(device: number): Domain | null {
    const known = this.#byDevice.get(device);
    if (known !== undefined) return known;
    if (this.isTagged || device < 0) return null;
    const domain = { id: -1, caches: [unitsCache()], devices: new Set([device]) };
    this.#byDevice.set(device, domain);
    this.#nameless.push(domain);
    return domain;
  }

  /** The domain of a number: where caches are not traced, each that an invalidation names is one. */
  byId(id: number): Domain | undefined {
    const known = this.#byId.get(id);
    if (known !== undefined || this.isTagged || !(id >= 0)) return known;
    const domain = { id, caches: [unitsCache()], devices: new Set<number>() };
    this.#byId.set(id, domain);
    this.#assumed.add(domain);
    return domain;
  }

  /** What is unmapped for a device was forgotten in this domain: so it is the device's. */
  learn(device: number, domain: Domain): void {
    if ((this.#byDevice.get(device)?.id ?? -1) < 0) this.#byDevice.set(device, domain);
  }

  /** @returns the domain that nobody uses any more, for an event that ends one */
  event(batch: EventBatch, i: number): Domain | null {
    const id = batch.size[i]!;
    const kind = batch.mask[i]!;
    switch (batch.kind[i]) {
      case EventKind.cacheAssigned: {
        this.isTagged = true;
        const before = this.#byId.get(id);
        if (before !== undefined && this.#assumed.delete(before)) this.#ended(id);
        if (!isDevices(kind) && batch.attrs[i] === 1 && this.#byId.has(id)) this.ambiguous = true;
        if (this.#assigned?.id !== id) this.#assigned = { id, kinds: [] };
        this.#assigned.kinds.push(kind);
        return null;
      }
      case EventKind.iommuDevice:
        if (this.#assigned !== null) this.#attach(batch.device[i]!, this.#assigned);
        this.#assigned = null;
        return null;
      case EventKind.cacheUnassigned:
        return isDevices(kind) || batch.attrs[i] !== 1 ? null : this.#ended(id);
      default:
        return null;
    }
  }

  /** Those that an invalidation reaches, with their domains. */
  reached(told: Invalidation): [Domain, Cache][] {
    const { of } = told;
    if (told.posted) this.posts = true;
    else if (this.posts) return [];
    const one = told.domain >= 0 ? this.#byId.get(told.domain) : undefined;
    const domains = told.domain >= 0 ? (one === undefined ? [] : [one]) : [...this.#byId.values()];
    return [...domains, ...this.#nameless].flatMap((d) =>
      d.caches
        .filter((c) => c.of === of && (Number.isNaN(told.requester) || told.requester === c.requester))
        .map((c): [Domain, Cache] => [d, c]),
    );
  }

  #attach(device: number, { id, kinds }: { readonly id: number; readonly kinds: readonly number[] }): void {
    let domain = this.#byId.get(id);
    if (domain === undefined) this.#byId.set(id, (domain = { id, caches: [], devices: new Set() }));
    this.#byDevice.get(device)?.devices.delete(device);
    this.#byDevice.set(device, domain);
    domain.devices.add(device);
    for (const kind of kinds) {
      const requester = isDevices(kind) ? requesterOf(this.#name(device)) : -1;
      if (domain.caches.some((c) => c.requester === requester)) continue;
      const of = isDevices(kind) ? "device" : "unit";
      domain.caches.push({ of, requester, first: Number.NaN, last: Number.NaN });
    }
  }

  #ended(id: number): Domain | null {
    const domain = this.#byId.get(id);
    if (domain === undefined) return null;
    this.#byId.delete(id);
    for (const device of domain.devices) if (this.#byDevice.get(device) === domain) this.#byDevice.delete(device);
    return domain;
  }
}
