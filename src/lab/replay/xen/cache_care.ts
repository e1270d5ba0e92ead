/**
 * Cache maintenance around the DMA of devices that do not see the CPU's cache, as probes show it: by the CPU for pages of
 * the domain's own and for slots, by calls to the hypervisor for pages of others.
 *
 * The kernel asks whether the number of the bus frame is a page of its own (`pfn_valid`), and takes it that a foreign
 * frame's number never is. A domain whose unpopulated pages come from regions that Xen declares free has pages of such
 * numbers, and Xen gives the same numbers to guests. At the end of a DMA the CPU then invalidates the page of that number;
 * the page that the device has written keeps its old lines.
 * Source: Linux drivers/xen/swiotlb-xen.c (xen_swiotlb_map_phys, xen_swiotlb_unmap_phys, xen_swiotlb_sync_single_for_cpu),
 * arch/arm/xen/mm.c, arch/arm64/mm/dma-mapping.c, drivers/xen/unpopulated-alloc.c; Xen GNTTABOP_cache_flush.
 */
import { frameBytes } from "../../../base/frame.js";
import { type EventBatch, EventKind } from "../../../read/event.js";
import { Direction } from "../../../spec/dma/direction.js";
import type { CacheOutcome, WrongPage } from "./outcome.js";
import type { PageTree } from "./page_tree.js";
import type { PoolFrames } from "./pool_frames.js";

const pageBytes = frameBytes;
const examplesMax = 20;
const framesMax = 1_000_000;
/** Foreign mappings whose device is remembered. */
const livingMax = 1_000_000;
/** GNTTABOP_cache_flush. Source: Xen include/public/grant_table.h. */
const flushClean = 1;
const flushInvalidate = 2;

/** Which call of the DMA layer is under way, and the bus address it is about; null while it maps. */
interface Call {
  readonly kind: "unmap" | "sync" | "map";
  readonly bus: number | null;
}

export class CacheCare {
  readonly #tree: PageTree;
  readonly #pool: PoolFrames | null;
  readonly #before = { own: 0, slots: 0, foreignByCpu: 0, foreignByXen: 0 };
  readonly #after = { own: 0, slots: 0, foreignByXen: 0, idle: 0 };
  readonly #calls = { clean: 0, invalidate: 0, other: 0, failed: 0 };
  readonly #wrong = { unmaps: 0, syncs: 0, invalidated: 0, inUse: 0 };
  readonly #frames = new Set<number>();
  /** Those that invalidated, and the others. */
  readonly #examples: readonly [WrongPage[], WrongPage[]] = [[], []];
  /** By CPU and context. */
  readonly #under = new Map<number, Call>();
  /** Devices of foreign mappings by bus address. */
  readonly #devices = new Map<number, number>();
  #callsShown = false;
  #recorded = false;

  constructor(tree: PageTree, pool: PoolFrames | null) {
    this.#tree = tree;
    this.#pool = pool;
  }

  see(b: EventBatch, i: number): void {
    const place = b.cpu[i]! * 256 + b.context[i]!;
    switch (b.kind[i]) {
      case EventKind.xenMap:
        this.#under.set(place, { kind: "map", bus: null });
        break;
      case EventKind.xenUnmap:
        this.#callsShown = true;
        this.#under.set(place, { kind: "unmap", bus: b.dma[i]! });
        break;
      case EventKind.xenSyncForCpu:
      case EventKind.xenSyncForDevice:
        this.#callsShown = true;
        this.#under.set(place, { kind: "sync", bus: b.dma[i]! });
        break;
      case EventKind.xenMapped:
        this.#under.delete(place);
        break;
      case EventKind.cacheForDevice:
        this.#forDevice(b, i, this.#under.get(place) ?? null);
        break;
      case EventKind.cacheForCpu:
        this.#forCpu(b, i, this.#under.get(place) ?? null);
        break;
      case EventKind.xenCacheForDevice:
        this.#recorded = true;
        this.#before.foreignByXen++;
        break;
      case EventKind.xenCacheForCpu:
        this.#recorded = true;
        this.#after[b.direction[i] === Direction.toDevice ? "idle" : "foreignByXen"]++;
        break;
      case EventKind.xenFlush:
        this.#recorded = true;
        this.#calls[b.attrs[i] === flushClean ? "clean" : b.attrs[i] === flushInvalidate ? "invalidate" : "other"]++;
        break;
      case EventKind.xenFlushed:
        if (b.size[i] !== 0) this.#calls.failed++;
        break;
      case EventKind.lost:
        this.#under.clear();
        break;
      default:
    }
  }

  /** A foreign page was mapped for a device at a bus address, without a bounce. */
  mapped(device: number, address: number): void {
    if (this.#devices.size < livingMax || this.#devices.has(address)) this.#devices.set(address, device);
  }

  #forDevice(b: EventBatch, i: number, call: Call | null): void {
    this.#recorded = true;
    const phys = b.phys[i]!;
    if (this.#pool?.holds(phys)) this.#before.slots++;
    else if (call?.kind === "sync" && call.bus === phys && this.#foreign(phys)) this.#wrongPage(b, i, "syncs");
    else if (this.#tree.holds(Math.floor(phys / pageBytes)) === true) this.#before.foreignByCpu++;
    else this.#before.own++;
  }

  /** The CPU is given a bus address as if it were one of memory: what a foreign frame's number is here is another page. */
  #forCpu(b: EventBatch, i: number, call: Call | null): void {
    this.#recorded = true;
    const phys = b.phys[i]!;
    const asked = call !== null && call.kind !== "map" && call.bus === phys;
    if (this.#pool?.holds(phys)) this.#after.slots++;
    else if ((asked || !this.#callsShown) && this.#foreign(phys)) {
      this.#wrongPage(b, i, call?.kind === "sync" ? "syncs" : "unmaps");
    } else if (b.direction[i] === Direction.toDevice) this.#after.idle++;
    else this.#after.own++;
  }

  #foreign(bus: number): boolean {
    return !Number.isNaN(this.#tree.pageOf(Math.floor(bus / pageBytes)));
  }

  #wrongPage(b: EventBatch, i: number, what: "unmaps" | "syncs"): void {
    const mfn = Math.floor(b.phys[i]! / pageBytes);
    this.#wrong[what]++;
    // Nothing is invalidated after a device has only read, and nothing but old data is written back before.
    const invalidates = b.kind[i] === EventKind.cacheForCpu && b.direction[i] !== Direction.toDevice;
    if (invalidates) this.#wrong.invalidated++;
    const inUse = this.#tree.holds(mfn);
    if (inUse === true) this.#wrong.inUse++;
    if (this.#frames.size < framesMax) this.#frames.add(mfn);
    const examples = this.#examples[invalidates ? 0 : 1];
    if (examples.length >= examplesMax) return;
    const device = this.#devices.get(b.phys[i]!) ?? -1;
    const { time, size } = { time: b.time[i]!, size: b.size[i]! };
    examples.push({ time, device, size, wrong: mfn, right: this.#tree.pageOf(mfn), invalidates, inUse });
  }

  /** @returns null where the recording shows no maintenance at all. */
  finish(): CacheOutcome | null {
    if (!this.#recorded) return null;
    return {
      before: { ...this.#before },
      after: { ...this.#after },
      calls: { ...this.#calls },
      wrong: { ...this.#wrong, frames: this.#frames.size, examples: this.#examples.flat().slice(0, examplesMax) },
    };
  }
}
