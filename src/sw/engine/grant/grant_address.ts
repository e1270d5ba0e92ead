/**
 * Grants as addresses: what a device is given is no address of memory but grant references, which only the domain that
 * serves the device can turn into memory.
 *
 * On the wire an address is bit 63, the reference times 4096, and the offset. A double cannot carry bit 63 beside the
 * low bits, so bit 52 stands for it here and `grantText` writes it as the wire has it; references stay below 2^40.
 * Source: Linux drivers/xen/grant-dma-ops.c.
 */

import { Misuse } from "../../../base/assert.js";
import { frameBytes, pfn } from "../../../base/frame.js";
import { hexDigits } from "../../../base/hex.js";
import { Direction } from "../../../spec/dma/direction.js";
import { allAddresses } from "../device.js";
import type { Coherent, DmaDevice, Engine, MappedRange } from "../engine.js";
import { type Mapped, refused } from "../mapped.js";
import type { EngineOptions } from "../options.js";
import { partsOf } from "../parts/build.js";
import { anyForeign, orderOf } from "../parts/contiguity.js";
import { grantInUse } from "../parts/messages.js";
import type { EngineParts } from "../parts/parts.js";
import type { GrantRuns } from "../ports.js";
import { foreignGrant, grantKept, grantMask, noBackend, type Refusal } from "../refusal.js";

const pageBytes = frameBytes;
/** Stands for bit 63. */
const grantBit = 2 ** 52;

/** The address of a byte at `offset` of what `reference` grants. */
export const grantAddress = (reference: number, offset: number): number => grantBit + reference * pageBytes + offset;

/** @returns the reference in an address and the offset, or null for an address that is no grant. */
export function grantOf(bus: number): { readonly reference: number; readonly offset: number } | null {
  if (bus < grantBit) return null;
  const offset = bus % pageBytes;
  return { reference: (bus - grantBit - offset) / pageBytes, offset };
}

/** The address as the wire has it: `0x8000000000008010`. */
export function grantText(bus: number): string {
  return `0x8${hexDigits(bus - grantBit, 15)}`;
}

export const grantAsAddress = {
  name: "grant",
  title: "grant references as addresses (xen,grant-dma)",
  build: (o: EngineOptions): Engine => {
    const parts = partsOf({ ...o, pool: null });
    if (parts.grants === null) throw new Misuse("engine-grants", "none; this engine hands out grants");
    return new GrantEngine({ ...parts, grants: parts.grants });
  },
};

class GrantEngine implements Engine {
  readonly name = "grant";
  readonly pool = null;
  readonly overflow = "refuse";
  readonly lists = { splits: false, merges: false };
  readonly #parts: EngineParts & { readonly grants: GrantRuns };
  /** Devices whose backend held on to a grant: nothing is mapped for them any more. */
  readonly #broken = new Set<string>();

  constructor(parts: EngineParts & { readonly grants: GrantRuns }) {
    this.#parts = parts;
  }

  isError(bus: number): boolean {
    return bus < 0;
  }

  isBounceBuffer(): boolean {
    return false;
  }

  /** References of a mapping are consecutive, so it is in one piece whatever memory lies behind. */
  capable(device: DmaDevice, bus: number, _phys: number, size: number): boolean {
    return bus >= 0 && device.mask >= allAddresses && size > 0;
  }

  map(device: DmaDevice, phys: number, size: number, direction: Direction, _attributes: number): Mapped {
    const { guest } = this.#parts;
    const foreign = anyForeign(guest, phys, size);
    if (foreign) return refused("granted", true, foreignGrant);
    const at = this.#grant(device, phys, size, direction === Direction.toDevice);
    if (typeof at !== "number") return refused("granted", false, at);
    return { bus: at, bounced: false, foreign: false, cause: "granted", refused: null };
  }

  unmap(device: DmaDevice, r: MappedRange): void {
    const grant = grantOf(r.bus);
    if (grant === null) throw new Misuse("grant-address", `${r.bus}; an address of this engine is a grant`);
    if (this.#broken.has(device.bdf)) return;
    const count = this.#pages(grant.offset, r.size);
    for (let k = 0; k < count; k++) if (!this.#end(device, grant.reference + k)) return;
  }

  syncForCpu(): void {}
  syncForDevice(): void {}

  allocCoherent(device: DmaDevice, size: number): Coherent | null {
    const { guest } = this.#parts;
    const order = orderOf(size);
    const first = guest.allocPages(order);
    if (first === null) return null;
    const phys = first * pageBytes;
    for (let k = 0; k < 2 ** order; k++) guest.memory.write(phys + k * pageBytes, new Uint8Array(pageBytes));
    const bus = this.#grant(device, phys, size, false);
    if (typeof bus !== "number") {
      guest.freePages(first, order);
      return null;
    }
    return { phys, bus };
  }

  /** Pages that a backend still reaches are not given to anybody else: they stay. */
  freeCoherent(device: DmaDevice, at: Coherent & { readonly size: number }): void {
    this.unmap(device, { bus: at.bus, size: at.size, direction: Direction.bidirectional, attributes: 0 });
    if (!this.#broken.has(device.bdf)) this.#parts.guest.freePages(pfn(at.phys / pageBytes), orderOf(at.size));
  }

  maxMappingBytes(): number {
    return allAddresses;
  }

  supportsMask(mask: number): boolean {
    return mask >= allAddresses;
  }

  mergeable(): boolean {
    return true;
  }

  /** @returns the bus address, or why there is none. */
  #grant(device: DmaDevice, phys: number, size: number, readonly: boolean): number | Refusal {
    if (this.#broken.has(device.bdf)) return grantKept;
    if (device.grantBackend === undefined) return noBackend;
    if (device.mask < allAddresses) return grantMask;
    const offset = phys % pageBytes;
    const count = this.#pages(offset, size);
    const first = pfn((phys - offset) / pageBytes);
    const reference = this.#parts.grants.grantRange({ to: device.grantBackend, first, count, readonly });
    if (reference >= 0) return grantAddress(reference, offset);
    return { reason: "references", words: `no ${count} consecutive grant references are free` };
  }

  #pages(offset: number, size: number): number {
    return Math.ceil((this.#parts.rules.grantPages === "covered" ? offset + size : size) / pageBytes);
  }

  #end(device: DmaDevice, reference: number): boolean {
    if (this.#parts.grants.endAccess(reference)) return true;
    this.#broken.add(device.bdf);
    this.#parts.log.say(grantInUse);
    return false;
  }
}
