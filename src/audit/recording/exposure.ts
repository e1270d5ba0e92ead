/**
 * What devices reach beyond their mappings.
 *
 * An IOMMU translates pages of 4 KiB: the first and the last page of a mapping are reachable as a whole, with
 * whatever else lies there. A device without translation reaches everything; one that bounces reaches the pool.
 * Larger pages of the kernel (16 or 64 KiB) expose more than is counted here.
 */
import { frameBytes } from "../../base/frame.js";
import { Reach } from "./mappings.js";
import type { DeviceExposure } from "./result.js";

const pageBytes = frameBytes;

const examplesMax = 3;

/** Bytes outside [phys, phys + size) in its first and last page of 4 KiB. */
export function bytesAround(phys: number, size: number): number {
  const end = phys + Math.max(1, size);
  return (phys % pageBytes) + ((pageBytes - (end % pageBytes)) % pageBytes);
}

interface Row {
  mappings: number;
  partial: number;
  bytes: number;
  now: number;
  peak: number;
  foreign: number;
  readonly reached: [number, number, number, number];
  readonly examples: string[];
}

export class Exposure {
  readonly #rows: (Row | undefined)[] = [];

  #row(device: number): Row {
    let row = this.#rows[device];
    if (row === undefined) {
      row = { mappings: 0, partial: 0, bytes: 0, now: 0, peak: 0, foreign: 0, reached: [0, 0, 0, 0], examples: [] };
      this.#rows[device] = row;
    }
    return row;
  }

  /** A mapping of known physical address begins. @returns true when its pages hold bytes outside it. */
  mapped(device: number, reach: Reach, phys: number, size: number): boolean {
    const row = this.#row(device);
    row.reached[reach]++;
    row.mappings++;
    if (reach !== Reach.translated) return false;
    const around = bytesAround(phys, size);
    if (around === 0) return false;
    row.partial++;
    row.bytes += around;
    row.now += around;
    if (row.now > row.peak) row.peak = row.now;
    return true;
  }

  unmapped(device: number, reach: Reach, phys: number, size: number): void {
    if (reach === Reach.translated) this.#row(device).now -= bytesAround(phys, size);
  }

  /** A page of the device's mapping holds another one's bytes. @param words is called while examples are kept. */
  shared(device: number, words: () => string): void {
    const row = this.#row(device);
    row.foreign++;
    if (row.examples.length < examplesMax) row.examples.push(words());
  }

  /** @param foreignBus whether bus addresses are a hypervisor's */
  list(name: (device: number) => string, foreignBus = false): DeviceExposure[] {
    const list: DeviceExposure[] = [];
    this.#rows.forEach((row, device) => {
      if (row === undefined) return;
      const reach = reachOf(row);
      const { mappings, partial, bytes, peak, foreign, examples } = row;
      list.push({
        device: name(device),
        reach,
        mappings,
        partial,
        bytes,
        bytesPeak: peak,
        foreign,
        examples,
        words: reach === "unknown" && foreignBus ? hypervisors : inWords(row, reach),
      });
    });
    return list;
  }
}

function reachOf(row: Row): DeviceExposure["reach"] {
  if (row.reached[Reach.direct] > 0) return "everything";
  if (row.reached[Reach.translated] > 0) return "pages";
  return row.reached[Reach.bounced] > 0 ? "pool" : "unknown";
}

const hypervisors =
  "its bus addresses are the machine's, given by the hypervisor: what keeps it to them is not in the recording";

function inWords(row: Row, reach: DeviceExposure["reach"]): string {
  switch (reach) {
    case "everything":
      return (
        "some mappings go to the device untranslated: unless a hypervisor or firmware stands between, it reaches all " +
        "memory, mapped or not"
      );
    case "pages":
      return row.partial === 0
        ? "every mapping fills its pages: nothing else is reachable"
        : `${row.partial} of ${row.mappings} mappings leave bytes of their pages open to the device, ` +
            `${row.peak} bytes at the worst moment`;
    case "pool":
      return "every mapping bounced; nothing keeps a device without IOMMU from reaching other memory";
    case "unknown":
      return "how bus addresses come about is not in the recording";
  }
}
