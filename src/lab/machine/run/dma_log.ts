/**
 * Every DMA of a run with what became of it, and why: all of them counted, the first ones kept.
 *
 * A list that is refused counts as one mapping, that of the entry which could not be had; what had been mapped of it was
 * given back and counts as nothing. So direct, bounced, translated and failed ones are together all there were.
 */
import { type Direction, directionNames } from "../../../spec/dma/direction.js";
import { type DmaChecks, heardBy, type MappedList } from "../../../sw/dma/index.js";
import type { Cause, DmaDevice, Mapped, Refusal } from "../../../sw/engine/index.js";
import { RefusalGroups } from "./refusal_groups.js";

/** One mapping. Addresses are the kernel's and the bus's. */
export interface DmaEntry {
  readonly device: string;
  readonly phys: number;
  readonly size: number;
  readonly direction: string;
  readonly bus: number;
  readonly cause: Cause;
  readonly bounced: boolean;
  readonly foreign: boolean;
  /** Why it was refused, in words; null when it was not. */
  readonly refused: string | null;
}

/** What one device's mappings came to. */
export interface DmaTally {
  maps: number;
  /** Not refused, and the bus address is the kernel's own. */
  direct: number;
  bounced: number;
  translated: number;
  /** Of another domain's pages, whatever became of them. */
  foreign: number;
  /** Refused. */
  failed: number;
  bytes: number;
  bouncedBytes: number;
  /** Lists with more segments than entries, and with fewer. */
  split: number;
  merged: number;
  /** Of those that were not refused. */
  readonly causes: Map<Cause, number>;
  readonly refusals: RefusalGroups;
}

interface Place {
  readonly phys: number;
  readonly size: number;
}

export class DmaLog {
  readonly first: DmaEntry[] = [];
  readonly #keep: number;
  readonly #tallies = new Map<string, DmaTally>();

  /** @param keep mappings of each device that are kept in full */
  constructor(keep = 40) {
    this.#keep = keep;
  }

  tally(bdf: string): DmaTally {
    let t = this.#tallies.get(bdf);
    if (t === undefined) {
      t = { ...zeros, causes: new Map(), refusals: new RefusalGroups() };
      this.#tallies.set(bdf, t);
    }
    return t;
  }

  /** Watch in front of other checks, which see every call too. */
  before(inner: DmaChecks | null): DmaChecks {
    const watch: Partial<DmaChecks> = {
      mapped: (device, _, call, m) => this.#note(device, call, call.direction, m),
      mappedList: (device, _, list, direction) => this.#list(device, list, direction),
    };
    return heardBy(watch, inner);
  }

  #list(device: DmaDevice, list: MappedList, direction: Direction): void {
    const t = this.tally(device.bdf);
    if (list.refused !== null) {
      t.maps++;
      this.#refuse(t, list.refused, true, list.refusedPart ?? list.entries[0] ?? nothing);
      return;
    }
    if (list.parts.length > list.entries.length) t.split++;
    if (list.segments.length < list.parts.length) t.merged++;
    for (const p of list.parts) this.#note(device, p, direction, p.mapped);
  }

  #refuse(t: DmaTally, why: Refusal, list: boolean, { phys, size }: Place): void {
    t.failed++;
    t.refusals.add(why, list, { map: t.maps, phys, size });
  }

  #note(device: DmaDevice, o: Place, direction: Direction, m: Mapped): void {
    const t = this.tally(device.bdf);
    t.maps++;
    if (m.foreign) t.foreign++;
    if (m.refused !== null) this.#refuse(t, m.refused, false, o);
    else {
      count(t.causes, m.cause);
      t.bytes += o.size;
      if (m.bounced) {
        t.bounced++;
        t.bouncedBytes += o.size;
      } else if (m.bus === o.phys && m.cause !== "iommu") t.direct++;
      else t.translated++;
    }
    if (t.maps > this.#keep) return;
    const { bus, cause, bounced, foreign } = m;
    const refused = m.refused?.words ?? null;
    const { phys, size } = o;
    this.first.push({
      ...{ device: device.bdf, phys, size, direction: directionNames[direction] },
      ...{ bus, cause, bounced, foreign, refused },
    });
  }
}

const nothing: Place = { phys: 0, size: 0 };

const zeros = {
  ...{ maps: 0, direct: 0, bounced: 0, translated: 0, foreign: 0, failed: 0 },
  ...{ bytes: 0, bouncedBytes: 0, split: 0, merged: 0 },
};

function count<K>(map: Map<K, number>, key: K): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}
