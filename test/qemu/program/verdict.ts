/** What a program came to. */
import type { Difference, KnownProgramFaults } from "./known.js";

export class ProgramVerdict {
  steps = 0;
  readonly kinds = { map: 0, unmap: 0, invalidate: 0, attach: 0, dma: 0 };
  reached = 0;
  refused = 0;
  /** Accesses that ours answers by a stale entry, otherwise than its tables say. */
  stale = 0;
  /** Of these: QEMU answered as its tables say. */
  flushed = 0;
  /** How often each of QEMU's faults was met, by name. */
  readonly known = new Map<string, number>();
  /** Sentences. */
  readonly wrong: string[] = [];
  readonly #known: KnownProgramFaults;

  constructor(known: KnownProgramFaults) {
    this.#known = known;
  }

  differs(difference: Difference, what: string): void {
    const { ours, qemu } = difference;
    const name = this.#known(difference);
    if (name !== null) this.known.set(name, (this.known.get(name) ?? 0) + 1);
    else this.fails(`${what}: we say ${[...new Set(ours)].join(" or ")}; QEMU ${qemu}`);
  }

  fails(what: string): void {
    this.wrong.push(`step ${this.steps}: ${what}`);
  }
}
