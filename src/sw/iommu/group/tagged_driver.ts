/**
 * A driver that keeps ids and tags: whoever may remember is listed before an entry leads there, and forgets before an id is
 * somebody else's. What may be refused comes before the first store, and then nothing has changed.
 *
 * Source: the order of Linux's SMMUv3 driver (arm_smmu_attach_prepare, arm_smmu_attach_commit) and of VT-d's
 * intel_iommu_set_dev_pasid (tags of the new domain, entry, tags of the old one), drivers/iommu of 7.0.
 */
import type { AttachBugs } from "./bugs.js";
import type { CacheTag, CacheTags } from "./cache_tags.js";
import { type DomainBook, noDomain } from "./domain_book.js";
import type { DomainIds } from "./domain_ids.js";
import type { DirectRegion, GroupDevice, GroupDriver } from "./driver.js";
import type { Result } from "./errno.js";

/** Where an entry leads. */
export interface Led {
  readonly domain: number;
  readonly id: number;
}

/** Whose entry. PASID 0: requests without one. */
export interface Whose {
  readonly device: number;
  readonly pasid: number;
}

/** The unit: entries, and what is to be forgotten of them. Each returns when the unit is done. */
export interface TaggedUnit {
  /** Store an entry; null: everything is refused. */
  lead(whose: Whose, to: Led | null): void;
  forgetEntry(whose: Whose): void;
  /** All that is kept under an id. */
  forgetId(id: number): void;
  /** All that a device keeps for a PASID. */
  forgetDevice(whose: Whose): void;
  /** A frame, wherever a tag says that it may be kept; all of a nested one. */
  forgetFrame(tag: CacheTag, frame: number): void;
}

export interface TaggedDriverOptions {
  readonly domains: DomainBook;
  readonly tags: CacheTags;
  readonly ids: DomainIds;
  readonly unit: TaggedUnit;
  readonly blocked: number;
  readonly identity: number;
  /** Which attachments it refuses; only looks. Left out: none. */
  readonly refuses?: (asked: Whose & { readonly domain: number }) => Result;
  readonly bugs?: AttachBugs;
}

export class TaggedDriver implements GroupDriver {
  readonly domains: DomainBook;
  readonly blocked: number;
  readonly identity: number;
  readonly setPasid: NonNullable<GroupDriver["setPasid"]>;
  readonly #o: TaggedDriverOptions;

  constructor(o: TaggedDriverOptions) {
    this.#o = o;
    this.domains = o.domains;
    this.blocked = o.blocked;
    this.identity = o.identity;
    this.setPasid = (domain, { number: device }, pasid, old) => this.#lead({ device, pasid }, domain, old);
  }

  attachDevice(domain: number, { number: device }: GroupDevice, old: number): Result {
    return this.#lead({ device, pasid: 0 }, domain, old);
  }

  mapDirect(domain: number, _: DirectRegion): Result {
    this.domains.mapDirect(domain);
    return null;
  }

  /** A frame of a domain is mapped no more: every cache that a tag names is told, those of domains nested in it too. */
  unmapped(domain: number, frame: number): void {
    for (const tag of this.#o.tags.of(domain)) this.#o.unit.forgetFrame(tag, frame);
  }

  #lead(whose: Whose, domain: number, old: number): Result {
    const { refuses, bugs } = this.#o;
    if (domain === this.blocked) {
      this.#store(whose, null, old);
      return null;
    }
    const isGap = bugs?.has("torn-down-first") === true;
    if (isGap) this.#store(whose, null, old);
    const refused = refuses?.({ ...whose, domain }) ?? null;
    if (refused !== null) return refused;
    const id = this.#publish(whose, domain);
    if (typeof id !== "number") return id;
    this.#store(whose, { domain, id }, isGap ? noDomain : old);
    return null;
  }

  /** The entry, and nothing of where it led is kept any more. */
  #store(whose: Whose, to: Led | null, old: number): void {
    const { unit } = this.#o;
    unit.lead(whose, to);
    unit.forgetEntry(whose);
    if (old === noDomain || old === this.blocked) return;
    unit.forgetDevice(whose);
    this.#withdraw(whose, old);
  }

  /** @returns the id of the domain; or why it cannot have one, and nothing is changed */
  #publish(whose: Whose, domain: number): ReturnType<DomainIds["take"]> {
    const { ids, tags } = this.#o;
    const id = ids.take(domain);
    if (typeof id !== "number") return id;
    const wanted = this.#tagsOf(whose, domain, id);
    for (const [n, tag] of wanted.entries()) {
      const failed = tags.assign(tag);
      if (failed === null) continue;
      for (const assigned of wanted.slice(0, n)) tags.unassign(assigned);
      if (ids.drop(id)) ids.retire(id);
      return failed;
    }
    return id;
  }

  #withdraw(whose: Whose, domain: number): void {
    const { ids, tags, unit } = this.#o;
    const id = ids.of(domain);
    for (const tag of this.#tagsOf(whose, domain, id)) tags.unassign(tag);
    if (!ids.drop(id)) return;
    unit.forgetId(id);
    ids.retire(id);
  }

  /** Of the domain, and of the one that it is nested in, whose unmappings it must hear of. */
  #tagsOf({ device, pasid }: Whose, domain: number, id: number): readonly CacheTag[] {
    const parent = this.domains.parentOf(domain);
    const of = (n: number, isNested: boolean): readonly CacheTag[] => [
      { domain: n, kind: "unit", id, device: 0, pasid, isNested },
      { domain: n, kind: "device", id: 0, device, pasid, isNested },
    ];
    return parent === noDomain ? of(domain, false) : [...of(domain, false), ...of(parent, true)];
  }
}
