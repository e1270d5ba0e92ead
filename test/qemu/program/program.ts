/**
 * Random programs: maps and unmaps (stores to tables), invalidations (descriptors in the real queue), DMA. Each step is
 * done on QEMU's unit and on ours, and what became of it is compared.
 *
 * Software that unmaps and does not invalidate leaves stale entries, which a unit may use or not. Ours is asked as it
 * stands and with what it cached forgotten, in part and whole; QEMU's answer must be one of these. Ours goes on as the
 * one that did as QEMU did, so that a difference of caches is not met again as one of answers.
 */
import { Rng } from "../../../src/base/rng.js";
import type { Allow } from "../../../src/table/index.js";
import type { Edu } from "../edu.js";
import { dataAt, dataBytes, resultsAt, TestMemory } from "../test_memory.js";
import { Accesses, type Book } from "./accesses.js";
import type { KnownProgramFaults } from "./known.js";
import { Ours } from "./ours.js";
import type { Domain, ProgramUnit } from "./program_unit.js";
import type { Twin } from "./twin.js";
import { ProgramVerdict } from "./verdict.js";

/** A domain with what software knows of it. */
interface Space extends Domain {
  /** Bytes of the leaf by its first address. */
  readonly mapped: Map<number, number>;
  /** Where each first address was mapped to last, even if it no longer is. */
  readonly targets: Map<number, number>;
  /** First addresses of pages that devices asked for last. */
  readonly recent: number[];
  /** Ranges that were unmapped, and not yet invalidated. */
  readonly pending: { readonly iova: number; readonly bytes: number }[];
  /** Every unmap is followed by its invalidation. */
  readonly strict: boolean;
}

/**
 * Where pages are: of 4 KiB, of 4 KiB around the end of a table, of 2 MiB. Sizes do not mix at an
 * address; there are few pages, so that what is cached is met again.
 */
const clusters = [
  { at: 0x1000_0000, unit: 4096, count: 12 },
  { at: 0x20_0000_0000 - 6 * 4096, unit: 4096, count: 12 },
  { at: 0x30_0000_0000, unit: 2 ** 21, count: 4 },
] as const;

export class Program {
  readonly verdict: ProgramVerdict;
  readonly #unit: ProgramUnit;
  readonly #twin: Twin;
  readonly #rng: Rng;
  readonly #accesses: Accesses;
  readonly #edus: readonly Edu[];
  readonly #spaces: Space[] = [];
  /** By device; the first two share a domain. */
  readonly #of: Space[] = [];
  readonly #isBlocked: boolean[] = [];
  /** Devices whose entry changed, and was not yet invalidated. */
  readonly #changed = new Set<number>();
  readonly #results: number;

  constructor(o: { unit: ProgramUnit; twin: Twin; seed: number; known: KnownProgramFaults }) {
    this.#unit = o.unit;
    this.#twin = o.twin;
    this.#rng = new Rng(o.seed);
    this.verdict = new ProgramVerdict(o.known);
    this.#edus = o.twin.machine.edus.slice(0, 6);
    this.#results = o.twin.machine.ramBase + resultsAt;
    const ours = new Ours(o.unit, this.#rng);
    this.#accesses = new Accesses({ unit: o.unit, twin: o.twin, ours, verdict: this.verdict });
  }

  async run(steps: number): Promise<ProgramVerdict> {
    await this.#begin();
    for (let n = 0; n < steps && this.verdict.wrong.length < 10; n++) {
      this.verdict.steps++;
      const kind = this.#rng.below(100);
      if (kind < 22) await this.#map();
      else if (kind < 42) await this.#unmap();
      else if (kind < 48) await this.#invalidate();
      else if (kind < 51) await this.#attach();
      else await this.#dma();
      this.#unit.state.settle();
    }
    return this.verdict;
  }

  async #begin(): Promise<void> {
    const unit = this.#unit;
    new TestMemory(this.#twin.machine.ramBase).copyData(this.#twin.machine.qtest);
    for (let n = 0; n + 1 < this.#edus.length; n++) {
      const space = {
        ...unit.domain(),
        mapped: new Map(),
        targets: new Map(),
        recent: [],
        pending: [],
        strict: n === 0,
      };
      space.mapper.map(this.#results, this.#results, 4096, 3);
      this.#spaces.push(space);
    }
    for (const [n, edu] of this.#edus.entries()) {
      const space = this.#spaces[Math.max(0, n - 1)]!;
      this.#of.push(space);
      this.#isBlocked.push(false);
      unit.attach(edu.requester, space);
    }
    unit.state.begin();
    unit.forgetAll();
    await this.#ring("start");
  }

  async #ring(what: string): Promise<void> {
    this.#unit.ring();
    await this.#twin.settle();
    const [ours, qemu] = await this.#unit.progress();
    if (ours === qemu) return;
    this.verdict.differs({ ours: [ours], qemu, write: false, cached: [], mayBeStale: false }, `after ${what}`);
  }

  async #map(): Promise<void> {
    const rng = this.#rng;
    this.verdict.kinds.map++;
    const space = this.#any(this.#spaces);
    const { at, unit, count } = this.#any(clusters);
    // Mostly where devices were: then a stale entry is met.
    const again = space.recent.filter((page) => page % unit === 0 && page >= at && page < at + count * unit);
    const iova = again.length > 0 && rng.below(2) === 0 ? this.#any(again) : at + rng.below(count) * unit;
    let bytes = 0;
    for (let n = 1 + rng.below(4); n > 0 && !space.mapped.has(iova + bytes); n--) bytes += unit;
    if (bytes === 0) return;
    const room = dataBytes / unit - bytes / unit;
    const paddr = this.#twin.machine.ramBase + dataAt + rng.below(room) * unit;
    const allow = this.#any([3, 3, 3, ...this.#unit.rights]);
    space.mapper.map(iova, paddr, bytes, allow as Allow);
    for (let done = 0; done < bytes; done += unit) {
      space.mapped.set(iova + done, unit);
      space.targets.set(iova + done, paddr + done);
    }
    await this.#twin.settle();
  }

  async #unmap(): Promise<void> {
    const rng = this.#rng;
    this.verdict.kinds.unmap++;
    const space = this.#any(this.#spaces);
    if (space.mapped.size === 0) return;
    const used = space.recent.filter((page) => space.mapped.has(page));
    const iova = this.#any(used.length > 0 && rng.below(3) > 0 ? used : [...space.mapped.keys()]);
    let bytes = 0;
    for (let n = 1 + rng.below(4); n > 0 && space.mapped.has(iova + bytes); n--) {
      const unit = space.mapped.get(iova + bytes)!;
      space.mapped.delete(iova + bytes);
      bytes += unit;
    }
    space.mapper.unmap(iova, bytes);
    space.pending.push({ iova, bytes });
    await this.#twin.settle();
    if (space.strict || rng.below(3) === 0) await this.#forget(space);
  }

  /** What is pending of one domain, exactly or with more; sometimes what nothing asks for. */
  async #invalidate(): Promise<void> {
    this.verdict.kinds.invalidate++;
    const rng = this.#rng;
    const kind = rng.below(6);
    if (kind === 0) {
      this.#unit.forgetAll();
      this.#changed.clear();
      for (const space of this.#spaces) space.pending.length = 0;
      await this.#ring("an invalidation of everything");
    } else if (kind === 1) {
      const { at, unit, count } = this.#any(clusters);
      this.#unit.forgetPages(this.#any(this.#spaces), (at + rng.below(count) * unit) / 4096, 0);
      await this.#ring("an invalidation of one page");
    } else await this.#forget(this.#any(this.#spaces));
  }

  async #forget(space: Space): Promise<void> {
    // As many as a queue has room for.
    if (this.#rng.below(4) === 0 || space.pending.length > 24) this.#unit.forgetDomain(space);
    else
      for (const { iova, bytes } of space.pending) {
        const first = iova / 4096;
        const last = first + bytes / 4096 - 1;
        let lg2 = 0;
        while (Math.floor(first / 2 ** lg2) !== Math.floor(last / 2 ** lg2)) lg2++;
        // Ranges that cross a large boundary are asked for page by page.
        if (lg2 <= 9 || bytes >= 2 ** 21)
          this.#unit.forgetPages(space, Math.floor(first / 2 ** lg2) * 2 ** lg2, Math.min(lg2, 18));
        else for (let frame = first; frame <= last; frame++) this.#unit.forgetPages(space, frame, 0);
      }
    space.pending.length = 0;
    await this.#ring("an invalidation");
  }

  /** Swap the tables of two devices, or block one, or let it go on; the entry's invalidation may come late. */
  async #attach(): Promise<void> {
    this.verdict.kinds.attach++;
    const rng = this.#rng;
    const [a, b] = [2 + rng.below(this.#edus.length - 2), 2 + rng.below(this.#edus.length - 2)];
    const forget = (n: number, space: Space) => {
      this.#unit.forgetDevice(this.#edus[n]!.requester, space);
      this.#changed.delete(n);
      space.pending.length = 0;
    };
    if (this.#changed.has(a)) {
      // An entry has two values at most, before and after: no third that only one of the units has met.
      forget(a, this.#of[a]!);
      await this.#ring("an entry's late invalidation");
    } else if (a !== b && rng.below(2) === 0) {
      const [ofA, ofB] = [this.#of[a]!, this.#of[b]!];
      for (const [n, from, to] of [
        [a, ofA, ofB],
        [b, ofB, ofA],
      ] as const) {
        this.#of[n] = to;
        this.#isBlocked[n] = false;
        this.#unit.attach(this.#edus[n]!.requester, to);
        forget(n, from);
      }
      await this.#ring("two devices' exchange");
    } else {
      this.#isBlocked[a] = !this.#isBlocked[a]!;
      this.#changed.add(a);
      this.#unit.attach(this.#edus[a]!.requester, this.#isBlocked[a] ? null : this.#of[a]!);
      await this.#twin.settle();
      if (rng.below(2) === 0) {
        forget(a, this.#of[a]!);
        await this.#ring("an entry's invalidation");
      }
    }
  }

  async #dma(): Promise<void> {
    this.verdict.kinds.dma++;
    const rng = this.#rng;
    const n = rng.below(this.#edus.length);
    const { at, unit, count } = this.#any(clusters);
    const { mapped, recent } = this.#of[n]!;
    const near = rng.below(2) === 0 ? recent : [...mapped.keys()];
    const page = near.length > 0 && rng.below(6) > 0 ? this.#any(near) : at + (rng.below(count + 2) - 1) * unit;
    recent.push(page);
    if (recent.length > 5) recent.shift();
    const within = rng.below((mapped.get(page) ?? 4096) / 8) * 8;
    const address = rng.below(50) === 0 ? rng.below(2 ** 30) * 2 ** 17 + within : page + within;
    const book = this.#book(n, address);
    if (rng.below(3) === 0) await this.#accesses.write(n, address, book);
    else await this.#accesses.read(n, address, book);
  }

  #book(n: number, address: number): Book {
    const { pending, targets } = this.#of[n]!;
    const cluster = clusters.find(({ at, unit, count }) => address >= at && address < at + unit * count);
    const page = cluster === undefined ? -1 : address - (address % cluster.unit);
    const target = targets.get(page);
    return {
      target: target === undefined ? null : target + address - page,
      mayBeStale: (a) => this.#changed.has(n) || pending.some(({ iova, bytes }) => a >= iova && a < iova + bytes),
    };
  }

  #any<T>(list: readonly T[]): T {
    return list[this.#rng.below(list.length)]!;
  }
}
