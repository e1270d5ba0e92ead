/**
 * The addresses of a device whose kernel switches it between identity and a domain of its own, while it works.
 *
 * What is mapped before a switch must mean the same after it (D4: a device does not notice as long as mappings of DMA in flight
 * do not change). Memory's own addresses are no addresses of the domain; those in use when the domain comes stand in it, each
 * leading to itself, and the domain goes only when none of its own addresses is in use any more.
 */
import { frameBytes } from "../../../base/frame.js";
import { Allow } from "../../../table/index.js";
import type { DmaDomain } from "./dma_domain.js";

type Mapping = Parameters<DmaDomain["map"]>[1];
type Pieces = Parameters<DmaDomain["mapPieces"]>[1];

/** What a device is attached to now, and what it will be when the domain's addresses are no longer used. */
type Mode = "identity" | "domain" | "leaving";

export interface SwitchingDomainOptions {
  /** None of its addresses is one of memory. */
  readonly domain: DmaDomain;
  /** One more than memory's highest byte address. */
  readonly memoryEnd: number;
  /** The device is led so when this returns. */
  readonly attach: (to: "identity" | "domain") => void;
}

export class SwitchingDomain {
  readonly #o: SwitchingDomainOptions;
  #mode: Mode = "identity";
  /** Mappings of each page of memory that are used by its own address. */
  readonly #pages = new Map<number, number>();
  #ownAddresses = 0;

  constructor(o: SwitchingDomainOptions) {
    this.#o = o;
  }

  /** What is mapped now keeps memory's own addresses: in identity, and while the domain is being left. */
  get isDirect(): boolean {
    return this.#mode !== "domain";
  }

  /** Is what was asked for done? */
  get isSettled(): boolean {
    return this.#mode !== "leaving";
  }

  /** To the domain at once; to identity as soon as no address of the domain is used. */
  switch(): void {
    const { attach } = this.#o;
    if (this.#mode === "identity") {
      for (const page of this.#pages.keys()) this.#link(page);
      attach("domain");
      this.#mode = "domain";
    } else {
      this.#mode = "leaving";
      this.#leave();
    }
  }

  map(cpu: number, o: Mapping): number {
    if (this.#mode === "domain") return this.#own(this.#o.domain.map(cpu, o));
    for (const page of pagesOf(o.phys, o.size)) {
      const users = this.#pages.get(page) ?? 0;
      if (users === 0 && this.#mode === "leaving") this.#link(page);
      this.#pages.set(page, users + 1);
    }
    return o.phys;
  }

  mapPieces(cpu: number, o: Pieces): number {
    return this.#own(this.#o.domain.mapPieces(cpu, o));
  }

  unmap(cpu: number, bus: number, size: number): void {
    const { domain, memoryEnd } = this.#o;
    if (bus >= memoryEnd) {
      domain.unmap(cpu, bus, size);
      this.#ownAddresses--;
      if (this.#mode === "leaving") this.#leave();
      return;
    }
    for (const page of pagesOf(bus, size)) {
      const users = this.#pages.get(page)! - 1;
      if (users > 0) {
        this.#pages.set(page, users);
        continue;
      }
      this.#pages.delete(page);
      if (this.#mode !== "identity") domain.unlink(page * frameBytes, frameBytes);
    }
  }

  allocate(cpu: number, o: Parameters<DmaDomain["allocate"]>[1]): number {
    return this.#own(this.#o.domain.allocate(cpu, o));
  }

  link(bus: number, o: Parameters<DmaDomain["link"]>[1]): void {
    this.#o.domain.link(bus, o);
  }

  unlink(bus: number, bytes: number): void {
    this.#o.domain.unlink(bus, bytes);
  }

  free(cpu: number, bus: number, bytes: number): void {
    this.#o.domain.free(cpu, bus, bytes);
    this.#ownAddresses--;
  }

  physOf(bus: number): number {
    return this.#mode === "identity" ? (bus < this.#o.memoryEnd ? bus : -1) : this.#o.domain.physOf(bus);
  }

  #leave(): void {
    if (this.#ownAddresses > 0) return;
    this.#o.attach("identity");
    this.#mode = "identity";
    for (const page of this.#pages.keys()) this.#o.domain.unlink(page * frameBytes, frameBytes);
  }

  #link(page: number): void {
    this.#o.domain.link(page * frameBytes, { phys: page * frameBytes, bytes: frameBytes, allow: Allow.readWrite });
  }

  #own(bus: number): number {
    if (bus >= 0) this.#ownAddresses++;
    return bus;
  }
}

function* pagesOf(address: number, size: number): Generator<number> {
  const last = Math.floor((address + size - 1) / frameBytes);
  for (let page = Math.floor(address / frameBytes); page <= last; page++) yield page;
}
