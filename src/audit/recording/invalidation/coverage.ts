/**
 * Every unmapping held against the invalidations that must come before its address is used again.
 *
 * `iommu:unmap` names neither a device nor a domain. The event of the DMA API that follows it names the device; where none
 * does, what its task has forgotten at once names the domain; else it may be of any domain in use, and must be forgotten in
 * all of them.
 *
 * Source: Linux drivers/iommu/dma-iommu.c (__iommu_dma_unmap: unmap, flush, give the address back; queue_iova: later).
 */
import { type EventBatch, EventKind, failedAddress } from "../../../read/event.js";
import { threadOf } from "../../../read/thread.js";
import { Caches, type Domain } from "./caches.js";
import { EndingLists } from "./ending_lists.js";
import { type Invalidation, invalidationOf } from "./invalidation.js";
import { Ledger } from "./ledger.js";
import { down, markOf } from "./marks.js";
import { StillReachable } from "./memory.js";
import { OpenMappings } from "./open_mappings.js";
import { Reach } from "./reach.js";
import type { Suspicion } from "./suspicion.js";
import { type Mark, Unmapping } from "./unmapping.js";

/** One that may be of several domains: how many of them still hold it. */
interface Nameless {
  left: number;
}

const recentMax = 1024;
const suspicionsMax = 4096;

export class Coverage {
  readonly caches: Caches;
  readonly reach = new Reach();
  readonly stillReachable = new StillReachable();
  readonly suspicions: Suspicion[] = [];
  /** Ranges unmapped; those forgotten in time; those that are used again before, as it seems. */
  unmaps = 0;
  covered = 0;
  suspected = 0;
  /** Of those that are forgotten, some in a domain that is not known: in every one that is ever flushed. */
  coveredInAll = 0;
  /** Those of a domain that is not known, not seen to be forgotten in all. */
  unknown = 0;
  /** Too many waited at once; their domain ended. */
  beyond = 0;
  ended = 0;
  /** Invalidations that are recorded. */
  orders = 0;
  readonly #ledgers = new Map<Domain, Ledger>();
  readonly #recent: { readonly told: Invalidation; readonly order: number; readonly at: Mark }[] = [];
  /** What a task, in one context, did last. */
  readonly #unmapped = new Map<number, Unmapping>();
  readonly #mapped = new OpenMappings();
  readonly #lists = new EndingLists();
  /** Of an unmapping that is in several ledgers. */
  #ofSeveral = 0;
  readonly #shared = new Map<Unmapping, Nameless>();

  constructor(name: (device: number) => string) {
    this.caches = new Caches(name);
  }

  /** Those that nothing is known to have reached. */
  get waiting(): number {
    let count = 0;
    for (const ledger of this.#ledgers.values()) {
      count += ledger.waiting.filter((u) => !u.isOfSeveral && !u.isSuspected).length;
    }
    return count;
  }

  ledger(domain: Domain): Ledger {
    let ledger = this.#ledgers.get(domain);
    if (ledger === undefined) this.#ledgers.set(domain, (ledger = new Ledger()));
    return ledger;
  }

  event(b: EventBatch, i: number): void {
    const who = threadOf(b, i);
    const told = invalidationOf(b, i);
    if (told !== null) {
      this.#told(who, told, markOf(b, i));
      return;
    }
    switch (b.kind[i]) {
      case EventKind.descriptor:
      case EventKind.cacheAssigned:
      case EventKind.cacheUnassigned:
      case EventKind.iommuDevice: {
        const ended = this.caches.event(b, i);
        if (ended !== null) this.#ended(ended);
        return;
      }
      case EventKind.iommuUnmap:
        this.#close(who);
        this.#unmap(who, b, i);
        return;
      case EventKind.iommuMap:
        this.#close(who);
        this.stillReachable.mapped(this.#mapped.add(who, b, i, this.orders));
        return;
      case EventKind.map:
      case EventKind.alloc:
        this.#close(who);
        if (b.dma[i] !== failedAddress) this.#used(who, b.device[i]!, down(b.dma[i]!));
        return;
      case EventKind.mapList:
        this.#close(who);
        if (b.dmaCount[i] === 0) return;
        this.#used(who, b.device[i]!, down(b.listDma[b.dmaFirst[i]!]!));
        this.#lists.mapped(b, i);
        return;
      case EventKind.unmap:
      case EventKind.free:
        this.#named(who, b, i);
        return;
      case EventKind.unmapList:
        this.#close(who);
        this.#lists.ends(who, b, i);
        return;
    }
  }

  finish(): void {
    for (const who of [...this.#unmapped.keys()]) this.#close(who);
    // One that is never flushed is taken for one in which nothing is ever unmapped.
    for (const [u, shared] of this.#shared) {
      if (u.domain!.caches.every(({ first }) => Number.isNaN(first))) this.#doneInOne(u, shared);
    }
    this.unknown += this.#ofSeveral - this.coveredInAll;
  }

  /** What waited in a domain that ends was told to nobody any more: its tables are gone. */
  #ended(domain: Domain): void {
    const waiting = this.#ledgers.get(domain)?.waiting ?? [];
    this.ended += waiting.filter((u) => !u.isOfSeveral && !u.isSuspected).length;
    this.#ledgers.delete(domain);
  }

  #unmap(who: number, b: EventBatch, i: number): void {
    this.unmaps++;
    const from = b.dma[i]!;
    const at = markOf(b, i);
    const u = new Unmapping(at, from, from + b.size[i]!, this.orders);
    this.#unmapped.set(who, u);
    const device = this.#lists.unmapped(who, from);
    if (device !== null) this.#settle(u, device, at.time, true);
  }

  /** An event of the DMA API names what its task unmapped, and its driver has the memory again. */
  #named(who: number, b: EventBatch, i: number): void {
    const u = this.#unmapped.get(who);
    if (u === undefined || u.from !== down(b.dma[i]!)) {
      this.#close(who);
      return;
    }
    this.#unmapped.delete(who);
    if (u.domain !== null) {
      u.device = b.device[i]!;
      u.isReturned = true;
      this.caches.learn(u.device, u.domain);
    } else this.#settle(u, b.device[i]!, b.time[i]!, true);
  }

  /** The task goes on with something else. */
  #close(who: number): void {
    const u = this.#unmapped.get(who);
    if (u === undefined) return;
    this.#unmapped.delete(who);
    // A list was named before it was unmapped.
    if (u.domain === null && u.device < 0) this.#settle(u, -1, u.at.time, false);
  }

  #settle(u: Unmapping, device: number, returned: number, isReturned: boolean): void {
    u.device = device;
    u.isReturned = isReturned;
    u.returned = returned;
    if (this.orders - u.order > this.#recent.length) {
      this.unknown++;
      return;
    }
    const domain = device >= 0 ? this.caches.of(device) : null;
    if (domain !== null) {
      this.#enter(u, domain);
      return;
    }
    const inUse = [...this.#ledgers.keys()];
    if (inUse.length === 0) {
      this.unknown++;
      return;
    }
    this.#ofSeveral++;
    const shared = { left: inUse.length };
    for (const each of inUse) {
      const copy = new Unmapping(u.at, u.from, u.to, u.order);
      copy.isOfSeveral = true;
      this.#shared.set(copy, shared);
      this.#enter(copy, each);
    }
  }

  #enter(u: Unmapping, domain: Domain): void {
    u.of(domain);
    for (const { told, order, at } of this.#recent) {
      if (order <= u.order) continue;
      for (const [of, cache] of this.caches.reached(told)) if (of === domain) u.forget(cache, told, order, at);
    }
    if (u.isCovered) this.#done(u);
    const ledger = this.ledger(domain);
    const frames = u.isOfSeveral ? [] : ledger.backing.unmapped(u.from, u.to);
    if (!u.isCovered) this.stillReachable.add(u, frames);
    const dropped = ledger.add(u);
    // One that is kept for several is not known to be forgotten in all of them then, and counts as that.
    if (dropped !== null && !dropped.isOfSeveral) this.beyond++;
  }

  #told(who: number, told: Invalidation, at: Mark): void {
    this.orders++;
    const order = this.orders;
    this.#recent.push({ told, order, at });
    if (this.#recent.length > recentMax) this.#recent.shift();
    const own = this.#unmapped.get(who);
    if (own !== undefined && told.of === "unit" && told.from <= own.from && told.to >= own.to) {
      own.isAtOnce = true;
      const domain = own.domain === null ? this.caches.byId(told.domain) : undefined;
      if (domain !== undefined) this.#enter(own, domain);
    }
    for (const [domain, cache] of this.caches.reached(told)) {
      if (Number.isNaN(cache.first)) cache.first = at.time;
      cache.last = at.time;
      const ledger = this.#ledgers.get(domain);
      if (ledger !== undefined) for (const u of ledger.forget(cache, told, order, at)) this.#done(u);
    }
  }

  /** No cache holds any of it. */
  #done(u: Unmapping): void {
    const shared = this.#shared.get(u);
    if (shared !== undefined) {
      this.#doneInOne(u, shared);
      return;
    }
    if (u.isSuspected) return;
    this.covered++;
    this.ledger(u.domain!).covered++;
    if (u.domain!.id >= 0 && (u.isAtOnce || u.isReturned))
      this.reach.add(u.isAtOnce ? 0 : u.covered!.time - u.returned, u.to - u.from);
  }

  #doneInOne(u: Unmapping, shared: Nameless): void {
    this.#shared.delete(u);
    if (--shared.left > 0) return;
    this.covered++;
    this.coveredInAll++;
  }

  /** The DMA API names what its task mapped: addresses are used again from the moment of their mapping on. */
  #used(who: number, device: number, iova: number): void {
    const mapping = this.#mapped.take(who, iova);
    if (mapping === null) return;
    const domain = this.caches.of(device);
    if (domain === null) return;
    const ledger = this.ledger(domain);
    ledger.backing.mapped(mapping.pieces);
    for (const u of ledger.reused(mapping.from, mapping.to)) {
      const shared = this.#shared.get(u);
      if (shared !== undefined) shared.left = Number.POSITIVE_INFINITY;
      if (u.isOfSeveral || (u.isCovered && u.coveredBy <= mapping.order)) continue;
      if (u.at.time >= mapping.at.time) continue;
      this.#suspect(u, { ...mapping.at, device }, ledger);
    }
  }

  #suspect(unmapping: Unmapping, reuse: Suspicion["reuse"], ledger: Ledger): void {
    // It was told to forget between the mapping and the event that names it: counted as in time until now.
    if (unmapping.isCovered) {
      this.covered--;
      ledger.covered--;
    }
    unmapping.isSuspected = true;
    this.suspected++;
    ledger.suspected++;
    const held = unmapping.held.map(({ cache }) => cache);
    const caches = held.length > 0 ? held : unmapping.domain!.caches;
    if (this.suspicions.length < suspicionsMax) this.suspicions.push({ unmapping, reuse, caches });
  }
}
