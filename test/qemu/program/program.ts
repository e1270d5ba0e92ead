/**
 * Random programs: maps and unmaps (stores to tables), invalidations (descriptors in the real queue), DMA. Each step is
 * done on QEMU's unit and on ours, and what became of it is compared.
 *
 * Software that unmaps and does not invalidate leaves stale entries, which a unit may use or not. Ours is asked as it
 * stands and with what it cached forgotten, in part and whole; QEMU's answer must be one of these. Ours goes on as the
 * one that did as QEMU did, so that a difference of caches is not met again as one of answers.
 */
import { Rng } from "../../../src/base/rng.js";
import { AddressType, type DmaRequest, Outcome } from "../../../src/hw/iommu/core/request.js";
import { resolve } from "../../../src/hw/iommu/core/translating_port.js";
import type { Allow } from "../../../src/table/index.js";
import { type Edu, transfer } from "../edu.js";
import { dataAt, dataBytes, resultsAt, TestMemory } from "../test_memory.js";
import { nothing, reach, reachWord } from "./answer.js";
import type { Difference, KnownProgramFaults } from "./known.js";
import type { Domain, ProgramUnit } from "./program_unit.js";
import type { Twin } from "./twin.js";

export interface ProgramVerdict {
  steps: number;
  readonly kinds: Record<"map" | "unmap" | "invalidate" | "attach" | "dma", number>;
  reached: number;
  refused: number;
  /** Accesses that ours answers by a stale entry, otherwise than its tables say. */
  stale: number;
  /** Of these: QEMU answered as its tables say. */
  flushed: number;
  /** By name. */
  readonly known: Map<string, number>;
  readonly wrong: string[];
}

/** A domain with what software knows of it. */
interface Space extends Domain {
  /** Bytes of the leaf by its first address. */
  readonly mapped: Map<number, number>;
  /** Ranges that were unmapped, and not yet invalidated. */
  readonly pending: { readonly iova: number; readonly bytes: number }[];
  /** Every unmap is followed by its invalidation. */
  readonly strict: boolean;
}

/** Where pages are: of 4 KiB, of 4 KiB around the end of a table, of 2 MiB. Sizes do not mix at an address. */
const clusters = [
  { at: 0x1000_0000, unit: 4096, count: 48 },
  { at: 0x20_0000_0000 - 24 * 4096, unit: 4096, count: 48 },
  { at: 0x30_0000_0000, unit: 2 ** 21, count: 12 },
] as const;

export class Program {
  readonly verdict: ProgramVerdict = {
    ...{ steps: 0, reached: 0, refused: 0, stale: 0, flushed: 0, known: new Map(), wrong: [] },
    kinds: { map: 0, unmap: 0, invalidate: 0, attach: 0, dma: 0 },
  };
  readonly #unit: ProgramUnit;
  readonly #twin: Twin;
  readonly #rng: Rng;
  readonly #known: KnownProgramFaults;
  readonly #edus: readonly Edu[];
  readonly #spaces: Space[] = [];
  /** By device; the first two share a domain. */
  readonly #of: Space[] = [];
  readonly #isBlocked: boolean[] = [];
  /** Devices whose entry changed, and was not yet invalidated. */
  readonly #changed = new Set<number>();
  readonly #results: number;
  #stamp = 0;

  constructor(o: { unit: ProgramUnit; twin: Twin; seed: number; known: KnownProgramFaults }) {
    this.#unit = o.unit;
    this.#twin = o.twin;
    this.#rng = new Rng(o.seed);
    this.#known = o.known;
    this.#edus = o.twin.machine.edus.slice(0, 6);
    this.#results = o.twin.machine.ramBase + resultsAt;
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
      const space = { ...unit.domain(), mapped: new Map(), pending: [], strict: n === 0 };
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
    this.#differs({ ours: [ours], qemu, write: false, cached: [] }, `after ${what}`);
  }

  async #map(): Promise<void> {
    const rng = this.#rng;
    this.verdict.kinds.map++;
    const space = this.#any(this.#spaces);
    const { at, unit, count } = this.#any(clusters);
    const iova = at + rng.below(count) * unit;
    let bytes = 0;
    for (let n = 1 + rng.below(4); n > 0 && !space.mapped.has(iova + bytes); n--) bytes += unit;
    if (bytes === 0) return;
    const room = dataBytes / unit - bytes / unit;
    const paddr = this.#twin.machine.ramBase + dataAt + rng.below(room) * unit;
    const allow = this.#any([3, 3, 3, ...this.#unit.rights]);
    space.mapper.map(iova, paddr, bytes, allow as Allow);
    for (let done = 0; done < bytes; done += unit) space.mapped.set(iova + done, unit);
    await this.#twin.settle();
  }

  async #unmap(): Promise<void> {
    const rng = this.#rng;
    this.verdict.kinds.unmap++;
    const space = this.#any(this.#spaces);
    if (space.mapped.size === 0) return;
    const iova = this.#any([...space.mapped.keys()]);
    let bytes = 0;
    for (let n = 1 + rng.below(4); n > 0 && space.mapped.has(iova + bytes); n--) {
      const unit = space.mapped.get(iova + bytes)!;
      space.mapped.delete(iova + bytes);
      bytes += unit;
    }
    space.mapper.unmap(iova, bytes);
    space.pending.push({ iova, bytes });
    await this.#twin.settle();
    if (space.strict || rng.below(2) === 0) await this.#forget(space);
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
    const near = [...this.#of[n]!.mapped.keys()];
    const page = near.length > 0 && rng.below(2) === 0 ? this.#any(near) : at + (rng.below(count + 2) - 1) * unit;
    const within = rng.below(unit / 8) * 8;
    const address = rng.below(50) === 0 ? rng.below(2 ** 30) * 2 ** 17 + within : page + within;
    if (rng.below(3) === 0) await this.#write(n, address);
    else await this.#read(n, address);
  }

  /** From the address, then to the page of results: what was read is where it was read, for data hold their address. */
  async #read(n: number, address: number): Promise<void> {
    const { qtest } = this.#twin.machine;
    const edu = this.#edus[n]!;
    const slot = this.#results + n * 16;
    const none = 0xdead_0000 + (++this.#stamp % 0x1_0000);
    qtest.writeRam(slot, new Uint8Array(new BigUint64Array([BigInt(none)]).buffer));
    await transfer(qtest, [{ edu, address: BigInt(address), read: true }]);
    const faults = await this.#unit.qemuFaults();
    if (faults.length > 0) {
      this.#judge(edu, address, false, () => faults.join(", "));
      return;
    }
    await transfer(qtest, [{ edu, address: BigInt(slot), read: false }]);
    const ofResults = await this.#unit.qemuFaults();
    const [low, high] = this.#twin.qemuWords(slot, 2);
    const data = high! * 2 ** 32 + low!;
    // Where the device does not reach the page of results, what it read is not seen.
    const seen = data === none ? null : data;
    this.#judge(edu, address, false, (ours) => (seen === null ? ours[0]! : seen === 0 ? nothing : reach(seen)));
    this.#judge(edu, slot, true, () =>
      ofResults.length > 0 ? ofResults.join(", ") : seen === null ? nothing : reach(slot),
    );
  }

  /** From the page of results, then to the address: a stamp that is looked for where it may have ended. */
  async #write(n: number, address: number): Promise<void> {
    const { qtest } = this.#twin.machine;
    const edu = this.#edus[n]!;
    const slot = this.#results + n * 16 + 8;
    const stamp = 0xa5a5_0000 + (++this.#stamp % 0x1_0000);
    const pattern = new Uint32Array([stamp, 0xa5a5_a5a5 - n]);
    qtest.writeRam(slot, new Uint8Array(pattern.buffer));
    await transfer(qtest, [{ edu, address: BigInt(slot), read: true }]);
    const first = await this.#unit.qemuFaults();
    let isSure = true;
    const passed = this.#judge(edu, slot, false, (ours) => {
      if (first.length > 0) return first.join(", ");
      if (this.#unit.recordsFaults) return ours.find((answer) => answer === reach(slot)) ?? nothing;
      // Nobody sees what was read.
      isSure = ours.every((answer) => answer === ours[0]);
      return ours[0]!;
    });
    if (!passed || !isSure) return;
    await transfer(qtest, [{ edu, address: BigInt(address), read: false }]);
    const faults = await this.#unit.qemuFaults();
    this.#judge(edu, address, true, (ours) => {
      if (faults.length > 0) return faults.join(", ");
      for (const answer of ours) {
        if (!answer.startsWith(reachWord)) continue;
        const at = Number(answer.slice(reachWord.length));
        const found = this.#twin.qemuWords(at, 2);
        if (found[0] !== pattern[0] || found[1] !== pattern[1]) continue;
        qtest.writeRam(at, new Uint8Array(new Uint32Array([at, 0]).buffer));
        return answer;
      }
      return nothing;
    });
  }

  /** @param qemu its answer, given those that ours may give @returns whether the access reached memory */
  #judge(edu: Edu, address: number, write: boolean, qemu: (ours: readonly string[]) => string): boolean {
    const { state, caches } = this.#unit;
    const frame = Math.floor(address / 4096);
    const { requester } = edu;
    const request = { requester, pasid: null, frame, offset: address % 4096, write, type: AddressType.untranslated };
    const page = { first: frame, last: frame };
    const forgetPage = () => {
      caches.translations.invalidate(page);
      caches.tables.invalidate(page);
    };
    const forgetDevice = () => {
      caches.devices.invalidate({ requester });
      caches.spaces.invalidate({ requester });
    };
    const ways = [() => {}, forgetPage, forgetDevice, () => (forgetPage(), forgetDevice())];
    const cached = this.#rightsCached(frame);
    const answers = ways.map((forget) => {
      const mark = state.mark();
      forget();
      const answer = this.#answer(request);
      state.undoTo(mark);
      return answer;
    });
    const [kept, fresh] = [answers[0]!, answers.at(-1)!];
    const seen = qemu(answers);
    const as = answers.indexOf(seen);
    if (kept !== fresh) {
      this.verdict.stale++;
      if (!this.#mayBeStale(edu, address))
        this.verdict.wrong.push(
          `step ${this.verdict.steps}: ours answers ${kept} though all was invalidated; its tables say ${fresh}`,
        );
      if (as > 0) this.verdict.flushed++;
    }
    const putBack = as < 2 ? () => {} : this.#keepEntries(requester);
    ways[Math.max(as, 0)]!();
    const went = this.#answer(request);
    putBack();
    if (seen.startsWith(reachWord)) this.verdict.reached++;
    else this.verdict.refused++;
    if (as < 0) {
      const what = `${write ? "write" : "read"} at 0x${address.toString(16)} by 0x${requester.toString(16)}`;
      this.#differs({ ours: answers, qemu: seen, write, cached }, what);
    }
    return went.startsWith(reachWord);
  }

  /** Did software leave something of this access without its invalidation? */
  #mayBeStale(edu: Edu, address: number): boolean {
    const device = this.#edus.indexOf(edu);
    const { pending } = this.#of[device]!;
    return this.#changed.has(device) || pending.some(({ iova, bytes }) => address >= iova && address < iova + bytes);
  }

  /**
   * QEMU's hit in its IOTLB asks for no entry of a device table, and a miss may: a stale entry that one access did not
   * meet another one may meet. So it stays a possible answer until it is invalidated.
   * @returns what puts a device's cached entries back
   */
  #keepEntries(requester: number): () => void {
    const { devices, spaces } = this.#unit.caches;
    const kept = [devices, spaces].map((cache) => {
      const slot = cache.find(requester, null);
      const words = new Uint32Array(cache.slots.width);
      if (slot >= 0) cache.slots.copyTo(slot, words);
      return { cache, words, isUsed: slot >= 0 };
    });
    return () => {
      for (const { cache, words, isUsed } of kept) {
        if (!isUsed) continue;
        const slot = cache.find(requester, null);
        if (slot >= 0) cache.slots.clear(slot);
        cache.slots.put(0, words);
      }
    };
  }

  /** Rights of the translations that ours has cached of a page. */
  #rightsCached(frame: number): number[] {
    const { translations } = this.#unit.caches;
    const rights: number[] = [];
    for (let slot = 0; slot < translations.slots.count; slot++) {
      const from = translations.frameOf(slot);
      const isOf = frame >= from && frame < from + 2 ** (translations.sizeLg2Of(slot) - 12);
      if (translations.slots.isUsed(slot) && isOf) rights.push(translations.allowOf(slot));
    }
    return rights;
  }

  /** Our unit's, with what it records. */
  #answer(request: DmaRequest): string {
    const result = resolve(this.#unit.transaction, request, (n) => this.#rng.below(n));
    const faults = this.#unit.ourFaults();
    if (result.outcome === Outcome.passes) return reach(result.frame * 4096 + request.offset);
    return this.#unit.recordsFaults && faults.length > 0 ? faults.join(", ") : nothing;
  }

  #differs(difference: Difference, what: string): void {
    const { known, wrong, steps } = this.verdict;
    const name = this.#known(difference);
    if (name !== null) known.set(name, (known.get(name) ?? 0) + 1);
    else
      wrong.push(
        `step ${steps}: ${what}: we say ${[...new Set(difference.ours)].join(" or ")}; QEMU ${difference.qemu}`,
      );
  }

  #any<T>(list: readonly T[]): T {
    return list[this.#rng.below(list.length)]!;
  }
}
