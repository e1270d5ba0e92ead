/** The DMA API as a timeline sees it: what drivers ask for, what engines answer, and which DMA an address is of. */

import { countWords, plural } from "../../../base/count_words.js";
import { frameBytes } from "../../../base/frame.js";
import { hex } from "../../../base/hex.js";
import { type Direction, directionNames } from "../../../spec/dma/direction.js";
import type { DmaChecks, MapKind, MappedList } from "../../../sw/dma/index.js";
import { causeWords, type DmaDevice, type Mapped, type MappedRange } from "../../../sw/engine/index.js";
import type { Timeline } from "./timeline.js";

interface Place {
  readonly phys: number;
  readonly size: number;
}

export class ApiWatch {
  readonly #timeline: Timeline;
  /** DMAs that are alive at a page of a device's addresses: several where the kernel's own addresses are the bus's. */
  readonly #alive = new Map<string, Map<number, number[]>>();

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  /** The DMA that the last call ended; -1: it ended none. What is posted until the next call is for it. */
  current = -1;

  /** The DMA that a bus address of a device is of now; -1: none that is known. */
  at(device: string, bus: number): number {
    const here = this.#alive.get(device)?.get(Math.floor(bus / frameBytes)) ?? [];
    const { dmas } = this.#timeline;
    return here.findLast((n) => bus >= dmas[n]!.bus && bus < dmas[n]!.bus + dmas[n]!.size) ?? -1;
  }

  /** What it wants to hear of. */
  get checks(): Partial<DmaChecks> {
    return {
      mapped: (device, _, call, mapped) => {
        this.#asks(device, `map ${sizeOf(call)} ${directionNames[call.direction]}`);
        this.#begins(device, "single", call, call.direction, mapped);
      },
      mappingList: (device, entries, direction) => {
        const bytes = entries.reduce((sum, e) => sum + e.size, 0);
        const what = `map a list of ${plural(entries.length, "buffer")}, ${plural(bytes, "byte")} ${directionNames[direction]}`;
        this.#asks(device, what);
      },
      mappedList: (device, _, list, direction) => this.#list(device, list, direction),
      unmapping: (device, _, range) => this.#ends(device, range),
      syncing: (device, _, range, towards) => {
        const what = `sync ${plural(range.size, "byte")} for the ${towards === "cpu" ? "CPU" : "device"}`;
        this.#asks(device, what, this.at(device.bdf, range.bus));
      },
      allocated: (device, _, at, size) => {
        this.#asks(device, `allocate ${plural(size, "byte")} for both`);
        const bounced = false;
        this.#life(
          device,
          "coherent",
          { ...at, size },
          { direction: "BIDIRECTIONAL", bus: at.bus, cause: "coherent", bounced },
        );
      },
      freeing: (device, at, size) => {
        this.#ends(device, { bus: at.bus, size, direction: 0, attributes: 0 });
      },
      unbound: (device) => {
        this.#asks(device, "let go of the device");
      },
    };
  }

  #asks(device: DmaDevice, what: string, dma = -1): void {
    this.current = -1;
    this.#timeline.add({ lane: "DMA API", device: device.bdf, dma, what });
  }

  #list(device: DmaDevice, list: MappedList, direction: Direction): void {
    if (list.refused !== null) {
      const what = `refused: ${list.refused.words}`;
      this.#timeline.add({ lane: "engine", device: device.bdf, dma: -1, what, isTrouble: true });
      return;
    }
    for (const p of list.parts) this.#begins(device, "list", p, direction, p.mapped);
  }

  #begins(device: DmaDevice, kind: MapKind, o: Place, direction: Direction, m: Mapped): void {
    if (m.refused !== null) {
      const what = `${sizeOf(o)} refused: ${m.refused.words}`;
      this.#timeline.add({ lane: "engine", device: device.bdf, dma: -1, what, isTrouble: true });
      return;
    }
    this.#life(device, kind, o, {
      direction: directionNames[direction],
      bus: m.bus,
      cause: causeWords[m.cause],
      bounced: m.bounced,
    });
  }

  #life(
    { bdf }: DmaDevice,
    kind: MapKind,
    { phys, size }: Place,
    o: { readonly direction: string; readonly bus: number; readonly cause: string; readonly bounced: boolean },
  ): void {
    const dma = this.#timeline.dmas.length;
    const what = `${hex(phys)} is at ${hex(o.bus)} for the device${o.bounced ? ", by a bounce buffer" : ""}`;
    const begin = this.#timeline.add({ lane: "engine", device: bdf, dma, what });
    if (begin < 0) return;
    this.#timeline.dmas.push({
      ...{ device: bdf, kind, direction: o.direction, phys, size, bus: o.bus, cause: o.cause },
      ...{ begin, end: null },
    });
    let pages = this.#alive.get(bdf);
    if (pages === undefined) this.#alive.set(bdf, (pages = new Map()));
    for (const page of pagesOf(o.bus, size)) pages.set(page, [...(pages.get(page) ?? []), dma]);
  }

  #ends({ bdf }: DmaDevice, { bus, size }: MappedRange): void {
    const pages = this.#alive.get(bdf);
    const here = pages?.get(Math.floor(bus / frameBytes)) ?? [];
    const dma = here.findLast((n) => this.#timeline.dmas[n]!.bus === bus) ?? -1;
    this.current = dma;
    const what = `unmap ${countWords(size)} ${size === 1 ? "byte" : "bytes"} at ${hex(bus)}`;
    const end = this.#timeline.add({ lane: "DMA API", device: bdf, dma, what });
    for (const page of pagesOf(bus, size))
      pages?.set(
        page,
        (pages.get(page) ?? []).filter((n) => n !== dma),
      );
    const life = this.#timeline.dmas[dma];
    if (life !== undefined && end >= 0) life.end = end;
  }
}

const sizeOf = ({ phys, size }: Place): string => `${plural(size, "byte")} at ${hex(phys)}`;

function* pagesOf(bus: number, size: number): Generator<number> {
  for (let page = Math.floor(bus / frameBytes); page * frameBytes < bus + size; page++) yield page;
}
