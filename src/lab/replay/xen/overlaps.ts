/**
 * Foreign frames whose number in their owner is one of this domain's pool.
 *
 * The machine-to-physical table gives the owner's number of a frame. A test whether a bus address is a bounce that
 * trusts it takes such a page for a slot of the pool, and copies over somebody else's buffer when it is unmapped; the
 * kernel therefore asks first whether the frame is its own, by the P2M and its mark of foreign frames. A domain that is
 * mapped directly has no such table and no such trouble: a frame with a number of its pool is its pool's.
 * Source: Linux drivers/xen/swiotlb-xen.c, xen_swiotlb_find_pool; arch/x86/include/asm/xen/page.h, bfn_to_local_pfn.
 */
import { frameBytes } from "../../../base/frame.js";
import { slotBytes } from "../../../spec/swiotlb/sizes.js";
import type { Mappings } from "../contracts/mappings.js";
import { beginOf } from "../contracts/operation.js";
import type { Overlap } from "./outcome.js";
import type { Owners } from "./owners.js";
import type { PoolFrames } from "./pool_frames.js";

const pageBytes = frameBytes;
const examplesMax = 20;
const framesMax = 1_000_000;

export class Overlaps {
  maps = 0;
  sameNumber = 0;
  readonly examples: Overlap[] = [];
  readonly #frames = new Set<number>();
  readonly #maps: Mappings;
  readonly #owners: Owners;
  readonly #pool: PoolFrames | null;
  readonly #direct: boolean;

  constructor(maps: Mappings, owners: Owners, pool: PoolFrames | null, direct = false) {
    this.#maps = maps;
    this.#direct = direct;
    this.#owners = owners;
    this.#pool = pool;
  }

  get frames(): number {
    return this.#frames.size;
  }

  /** Whether the question could be answered at all. */
  get answered(): boolean {
    return this.#direct || (this.#pool !== null && this.#owners.knowsNumbers);
  }

  /** A foreign frame was mapped for a device without a bounce. */
  look(m: number, pfn: number, mfn: number): void {
    const pool = this.#pool;
    if (pool === null || this.#direct) return;
    const ownerPfn = this.#owners.ownerPfn(mfn);
    if (!pool.holds(ownerPfn * pageBytes)) return;
    this.maps++;
    if (ownerPfn === pfn) this.sameNumber++;
    if (this.#frames.size < framesMax) this.#frames.add(mfn);
    if (this.examples.length >= examplesMax) return;
    const { orig, hi, device, address } = this.#maps;
    const slot = Math.floor((ownerPfn * pageBytes + (orig[m]! % pageBytes) - pool.start) / slotBytes);
    const what = { time: hi[beginOf(m)]!, device: device[m]!, dma: address[m]! };
    this.examples.push({ ...what, pfn, mfn, ownerPfn, slot });
  }
}
