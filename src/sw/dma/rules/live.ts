/**
 * What is mapped at this moment: by device and bus page, and by physical page for those who share memory.
 *
 * Without an IOMMU one bus address may be mapped several times, so lookups choose the best fit as the kernel's
 * debugging does. Source: Linux kernel/dma/debug.c, __hash_bucket_find and bucket_find_contain.
 */
import { frameBytes } from "../../../base/frame.js";
import type { Direction } from "../../../spec/dma/direction.js";
import type { MapKind } from "../checks.js";
import type { Shadow } from "./shadow.js";

const pageBytes = frameBytes;
const goneMax = 4096;
const none: readonly Live[] = [];

export interface Live {
  readonly device: string;
  readonly kind: MapKind;
  readonly phys: number;
  readonly bus: number;
  readonly size: number;
  readonly direction: Direction;
  readonly attributes: number;
  /** Entries of the list that it is of; 0 for others. */
  readonly entries: number;
  errorChecked: boolean;
  /** What its bytes should be; null when bytes are not checked. */
  readonly shadow: Shadow | null;
}

export class LiveMappings {
  readonly #byBus = new Map<string, Map<number, Live[]>>();
  readonly #byPhys = new Map<number, Live[]>();
  readonly #gone = new Map<string, Set<number>>();
  size = 0;

  /** Are there any with this physical page? The first question of every access of the CPU. */
  inPage(page: number): readonly Live[] | undefined {
    return this.#byPhys.get(page);
  }

  /** Each once. */
  *all(): Generator<Live> {
    for (const pages of this.#byBus.values())
      for (const [page, here] of pages) yield* here.filter((m) => Math.floor(m.bus / pageBytes) === page);
  }

  add(m: Live): void {
    let pages = this.#byBus.get(m.device);
    if (pages === undefined) this.#byBus.set(m.device, (pages = new Map()));
    eachPage(m.bus, m.size, (page) => push(pages, page, m));
    eachPage(m.phys, m.size, (page) => push(this.#byPhys, page, m));
    this.size++;
  }

  remove(m: Live): void {
    const pages = this.#byBus.get(m.device)!;
    eachPage(m.bus, m.size, (page) => pull(pages, page, m));
    eachPage(m.phys, m.size, (page) => pull(this.#byPhys, page, m));
    this.size--;
    let gone = this.#gone.get(m.device);
    if (gone === undefined) this.#gone.set(m.device, (gone = new Set()));
    if (gone.size === goneMax) gone.clear();
    gone.add(m.bus);
  }

  /** Was something unmapped at this address lately? Asked where nothing is mapped now. */
  wasUnmapped(device: string, bus: number): boolean {
    return this.#gone.get(device)?.has(bus) ?? false;
  }

  /** Mappings that begin at a bus address. */
  at(device: string, bus: number): readonly Live[] {
    const found = this.#inBusPage(device, bus);
    return found.every((m) => m.bus === bus) ? found : found.filter((m) => m.bus === bus);
  }

  /** Mappings that hold a bus address. */
  holding(device: string, bus: number): readonly Live[] {
    return this.#inBusPage(device, bus).filter((m) => m.bus <= bus && bus < m.bus + m.size);
  }

  ofDevice(device: string): Live[] {
    const all = new Set<Live>();
    for (const list of this.#byBus.get(device)?.values() ?? []) for (const m of list) all.add(m);
    return [...all];
  }

  /**
   * The mapping at an address that fits best; several that fit equally and not perfectly are none.
   * @returns null when there is none.
   */
  bestAt(device: string, bus: number, asked: Omit<Asked, "bus">): Live | null {
    let best: Live | null = null;
    let level = -1;
    for (const m of this.at(device, bus)) {
      let l = m.size === asked.size ? 1 : 0;
      if (m.kind === asked.kind) l++;
      if (m.direction === asked.direction) l++;
      if (m.kind !== "list" || m.entries === asked.entries) l++;
      if (l === 4) return m;
      if (l > level) [best, level] = [m, l];
      else if (l === level) best = null;
    }
    return best;
  }

  #inBusPage(device: string, bus: number): readonly Live[] {
    return this.#byBus.get(device)?.get(Math.floor(bus / pageBytes)) ?? none;
  }
}

interface Asked {
  readonly bus: number;
  readonly size: number;
  readonly kind: MapKind;
  readonly direction: Direction;
  readonly entries: number;
}

/** Pages of a range. */
export function eachPage(address: number, size: number, visit: (page: number) => void): void {
  const last = Math.floor((address + size - 1) / pageBytes);
  for (let page = Math.floor(address / pageBytes); page <= last; page++) visit(page);
}

function push(pages: Map<number, Live[]>, page: number, m: Live): void {
  const list = pages.get(page);
  if (list === undefined) pages.set(page, [m]);
  else list.push(m);
}

function pull(pages: Map<number, Live[]>, page: number, m: Live): void {
  const list = pages.get(page)!;
  if (list.length === 1) pages.delete(page);
  else list.splice(list.indexOf(m), 1);
}
