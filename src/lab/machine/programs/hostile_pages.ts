/**
 * What a hostile guest shares: pages that it grants, and its grant table. It writes into both whatever it likes,
 * whenever it likes.
 */
import { frameBytes, type Pfn } from "../../../base/frame.js";
import type { Rng } from "../../../base/rng.js";
import { GrantFlag, GrantType } from "../../../spec/xen/grant_entry.js";
import { entryAddress } from "../../../sw/xen/grant/entry.js";
import type { GuestDomain } from "../platform/host.js";

const entriesPerFrame = 512;
const entryBytes = 8;

export class HostilePages {
  readonly pages: Pfn[] = [];
  readonly refs: number[] = [];
  readonly #domain: GuestDomain;
  readonly #rng: Rng;

  constructor(domain: GuestDomain, rng: Rng, count: number) {
    this.#domain = domain;
    this.#rng = rng;
    for (let n = 0; n < count; n++) {
      const page = domain.grants.takeShared();
      this.pages.push(page);
      this.refs.push(domain.grants.grant(0, page, false));
    }
  }

  /** One of its references, now and then a number that is none. */
  anyRef(): number {
    const { refs } = this;
    return this.#rng.below(16) === 0 ? this.#rng.below(2 ** 32) : refs[this.#rng.below(refs.length)]!;
  }

  /** Random bytes at a random place of one page. */
  scribblePage(page: Pfn): void {
    const bytes = Uint8Array.from({ length: 1 + this.#rng.below(16) }, () => this.#rng.below(256));
    this.#domain.guest.memory.write(page * frameBytes + this.#rng.below(frameBytes - bytes.length), bytes);
  }

  write(page: Pfn, offset: number, words: Uint32Array): void {
    this.#domain.guest.memory.write(page * frameBytes + offset, new Uint8Array(words.buffer, 0, words.byteLength));
  }

  /** A grant entry becomes random, names another frame, shows other flags, or is what it was meant to be. */
  scribbleEntry(): void {
    const { guest } = this.#domain;
    const rng = this.#rng;
    const own = rng.below(this.refs.length);
    const ref = rng.below(4) === 0 ? rng.below(entriesPerFrame) : this.refs[own]!;
    const { memory } = guest.h;
    const entry = entryAddress(guest.d, ref);
    const kind = rng.below(8);
    if (kind === 0) memory.store32(entry, rng.below(2 ** 32));
    else if (kind === 1) memory.store32(entry + 4, rng.below(2 ** 32));
    else if (kind === 2) memory.store32(entry + 4, rng.below(guest.h.memory.frameCount));
    else if (kind === 3) memory.store32(entry + 4, guest.gfnOf(guest.ramFirst + rng.below(guest.ramCount)));
    else if (kind === 4) memory.store32(entry, memory.load32(entry) ^ (1 << rng.below(32)));
    else if (kind === 5) memory.store32(entry, GrantType.permitAccess | GrantFlag.readOnly);
    else this.restore(own);
  }

  /** Make an entry honest again, whatever the hypervisor has noted in it. */
  restore(n: number): void {
    const { guest } = this.#domain;
    const entry = entryAddress(guest.d, this.refs[n]!);
    guest.h.memory.store32(entry + 4, guest.gfnOf(this.pages[n]!));
    guest.h.memory.store32(entry, GrantType.permitAccess);
  }

  /** Take everything back; what the hypervisor still counts is left to it. */
  close(): void {
    const { guest, grants } = this.#domain;
    guest.h.memory.fill(entryAddress(guest.d, 1), frameBytes - entryBytes, 0);
    this.refs.forEach((ref, n) => {
      if (grants.endAccess(ref)) guest.freePages(this.pages[n]!, 0);
    });
  }
}
