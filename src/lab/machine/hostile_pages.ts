/**
 * What a hostile guest shares: pages that it grants, and its grant table. It writes into both whatever it likes,
 * whenever it likes.
 */
import type { Pfn } from "../../base/frame.js";
import type { Rng } from "../../base/rng.js";
import { GrantFlag, GrantType } from "../../spec/xen/grant_entry.js";
import type { GuestDomain } from "./host.js";

const entriesPerFrame = 512;
const entryWords = 2;
const pageBytes = 4096;

export class HostilePages {
  readonly pages: Pfn[] = [];
  readonly refs: number[] = [];
  readonly #domain: GuestDomain;
  readonly #rng: Rng;

  constructor(domain: GuestDomain, rng: Rng, count: number) {
    this.#domain = domain;
    this.#rng = rng;
    for (let n = 0; n < count; n++) {
      const page = domain.grants.allocShared()!;
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
    this.#domain.guest.memory.write(page * pageBytes + this.#rng.below(pageBytes - bytes.length), bytes);
  }

  write(page: Pfn, offset: number, words: Uint32Array): void {
    this.#domain.guest.memory.write(page * pageBytes + offset, new Uint8Array(words.buffer, 0, words.byteLength));
  }

  /** A grant entry becomes random, names another frame, shows other flags, or is what it was meant to be. */
  scribbleEntry(): void {
    const { guest } = this.#domain;
    const rng = this.#rng;
    const own = rng.below(this.refs.length);
    const ref = rng.below(4) === 0 ? rng.below(entriesPerFrame) : this.refs[own]!;
    const words = guest.d.grants.sharedWords[0]!;
    const at = ref * entryWords;
    const kind = rng.below(8);
    if (kind === 0) words[at] = rng.below(2 ** 32);
    else if (kind === 1) words[at + 1] = rng.below(2 ** 32);
    else if (kind === 2) words[at + 1] = rng.below(guest.h.memory.frameCount);
    else if (kind === 3) words[at + 1] = guest.gfnOf(guest.ramFirst + rng.below(guest.ramCount));
    else if (kind === 4) words[at] = (words[at]! ^ (1 << rng.below(32))) >>> 0;
    else if (kind === 5) words[at] = GrantType.permitAccess | GrantFlag.readOnly;
    else this.restore(own);
  }

  /** Make an entry honest again, whatever the hypervisor has noted in it. */
  restore(n: number): void {
    const { guest } = this.#domain;
    const words = guest.d.grants.sharedWords[0]!;
    const at = this.refs[n]! * entryWords;
    words[at + 1] = guest.gfnOf(this.pages[n]!);
    words[at] = GrantType.permitAccess;
  }

  /** Take everything back; what the hypervisor still counts is left to it. */
  close(): void {
    const { guest, grants } = this.#domain;
    guest.d.grants.sharedWords[0]!.fill(0, entryWords);
    this.refs.forEach((ref, n) => {
      if (grants.endAccess(ref)) guest.freePages(this.pages[n]!, 0);
    });
  }
}
