/**
 * A VT-d unit, in both modes, under software and devices that mean it no good: random descriptors, tails beyond the ring,
 * registers of both widths at any offset, tables laid over the queue. It answers, it never throws, and with nothing new to do
 * it comes to rest.
 */
import { expect } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { DeviceTlb } from "../../../src/hw/iommu/ats/device_tlb.js";
import { type AddressType, Outcome } from "../../../src/hw/iommu/core/request.js";
import type { Actor } from "../../../src/sim/actor.js";
import { descriptorLayouts } from "../../../src/spec/vtd/descriptors.js";
import { InvalidationQueueAddress } from "../../../src/spec/vtd/queue_registers.js";
import { vtdRegisters } from "../../../src/spec/vtd/register_map.js";
import { reservedMask } from "../../../src/table/device/entry.js";
import { amount } from "../../tier.js";
import { frames, VtdSoftware } from "./vtd_software.js";

const { registers: at } = vtdRegisters;
const offsets = Object.values(at).flatMap((r) => (r.bytes === 8 ? [r.offset, r.offset + 4] : [r.offset]));
const types = Object.keys(descriptorLayouts).map(Number);
const requesters = [0x18, 0x20, 0xff, 0x100, 0xffff];

/** One doorbell: each descriptor of the largest queue in at most four steps, and what requests do meanwhile. */
const stepsMax = 4 * 2 ** 15 + 1000;

class Hostile {
  readonly seen = new Set<string>();
  steps = 0;
  readonly #rng: Rng;
  readonly #s: VtdSoftware;
  readonly #queueAt: number;
  readonly #actors: readonly Actor[];

  constructor(seed: number, scalable: boolean) {
    const rng = new Rng(seed);
    let tlb: DeviceTlb | null = null;
    this.#s = new VtdSoftware({
      ...{ scalable, requests: 2, deviceTags: 2, outputBits: 39, deviceTlb: (r) => (r === 0x18 ? tlb : null) },
      fetchBits: ([64, 128, 256] as const)[rng.below(3)]!,
    }).start();
    const manners = (["answers", "never", "lies", "twice"] as const)[rng.below(4)]!;
    tlb = new DeviceTlb({ state: this.#s.state, requester: 0x18, sink: this.#s.unit, manners });
    this.#rng = rng;
    this.#queueAt = this.#s.unit.registers.get("iqa");
    this.#actors = [...this.#s.unit.transactions, this.#s.unit.queue, tlb];
    this.#build();
  }

  /** Devices that work, before they are spoiled. */
  #build(): void {
    const s = this.#s;
    const [second, first] = [s.domain(), s.domain("vtd-fs")];
    second.map(0, 0, 2 ** 24, 3);
    first.map(0x5000, 0x80_0000, 0x8000, 3);
    for (const [n, requester] of [0x18, 0x20, 0xff].entries()) {
      if (!s.isScalable) {
        s.attach(requester, { table: second.root.address, did: 1 + n, tt: n % 3 });
        continue;
      }
      const pasids = s.attachPasids(requester, { ats: n === 0 });
      const [one, two] = [{ first: first.root.address }, { second: second.root.address }];
      for (const [pasid, tables] of [two, one, { ...one, ...two }, {}].entries())
        s.setPasid(pasids, pasid, { ...tables, did: 1 + pasid });
    }
  }

  /** A number in which structures have their bits: small, all ones, a frame that there is, or anything. */
  #value(): number {
    const rng = this.#rng;
    switch (rng.below(6)) {
      case 0:
        return rng.below(64);
      case 1:
        return 0xffff_ffff;
      case 2:
        return rng.below(frames + 64) * 4096;
      case 3:
        return 2 ** rng.below(32);
      case 4:
        return this.#queueAt + rng.below(2) * 0x400;
      default:
        return rng.below(2 ** 32);
    }
  }

  act(): void {
    const [rng, { registers }] = [this.#rng, this.#s.unit];
    switch (rng.below(14)) {
      case 0:
        registers.write32(this.#offset(4), this.#value());
        registers.read32(this.#offset(4));
        break;
      case 1:
        registers.write64(this.#offset(8), this.#value(), this.#value());
        registers.read64(this.#offset(8), new Uint32Array(2));
        break;
      case 2:
        registers.write64(at.iqt.offset, rng.below(2) === 0 ? rng.below(300) * 16 : this.#value(), rng.below(4));
        break;
      case 3:
        this.#spoil();
        break;
      case 4:
        if (rng.below(2) === 0) this.#timeOut();
        this.#s.unit.completed({
          ...{ requester: 0x18 + rng.below(2) * 8, tags: rng.below(2 ** 32), count: rng.below(8) },
        });
        break;
      case 5:
      case 6:
        this.#back();
        break;
      default:
        this.#post();
        break;
    }
    this.#request();
    this.#run();
  }

  #offset(width: number): number {
    const rng = this.#rng;
    const any = rng.below(4) === 0 ? rng.below(4096 / width) * width : offsets[rng.below(offsets.length)]!;
    return any - (any % width);
  }

  #timeOut(): void {
    const tag = [0, 1].find((t) => this.#s.unit.tags.requesterOf(t) !== null);
    if (tag !== undefined) this.#s.unit.queue.timedOut(tag);
  }

  /** Errors are cleared, queue and translation are on again. */
  #back(): void {
    const { registers } = this.#s.unit;
    registers.write32(at.fsts.offset, 0xffff_ffff);
    registers.write64(at.faultHigh.offset, 0, 0x8000_0000);
    registers.write32(at.gcmd.offset, 0);
    registers.write64(at.iqt.offset, 0, 0);
    // Now and then each descriptor takes 32 bytes, or the queue has more pages than one.
    const wide = this.#rng.below(4) < (this.#s.isScalable ? 3 : 1) ? 0x800 : 0;
    const more = wide + (this.#rng.below(4) === 0 ? this.#rng.below(8) : 0);
    this.#s.start();
    registers.write64(at.iqa.offset, this.#queueAt + more, 0);
  }

  #post(): void {
    const rng = this.#rng;
    const { registers } = this.#s.unit;
    const type = types[rng.below(types.length)]!;
    const words = Array.from({ length: 4 }, () => (rng.below(2) === 0 ? rng.below(64) : this.#value()));
    words[0] = ((words[0]! & ~0xe0f) | (type & 15)) >>> 0;
    if (rng.below(2) === 0) words[1] = requesters[rng.below(5)]!;
    const reserved = reservedMask(descriptorLayouts[type]!);
    if (rng.below(8) > 0) for (let n = 0; n < 4; n++) words[n] = (words[n]! & ~reserved[n]!) >>> 0;
    const bytes = registers.read("iqa", InvalidationQueueAddress.dw) === 1 ? 32 : 16;
    const tail = registers.get("iqt") % 4096;
    const to = tail - (tail % bytes);
    this.#s.memory.store(this.#queueAt + to, bytes === 32 ? [...words, 0, 0, 0, 0] : words);
    registers.write64(at.iqt.offset, (to + bytes) % 4096, 0);
  }

  /** A bit of some structure, or a whole word of it: tables of devices, of pages, the queue. */
  #spoil(): void {
    const { memory } = this.#s;
    const anywhere = () => (16 + this.#rng.below(24)) * 4096 + this.#rng.below(1024) * 4;
    let address = anywhere();
    // What is something rather than nothing, more often than it is found by chance.
    for (let tries = 0; tries < 40 && memory.load32(address) === 0; tries++) address = anywhere();
    if (this.#rng.below(4) === 0) memory.store32(address, this.#value());
    else memory.store32(address, (memory.load32(address) ^ (2 ** this.#rng.below(32))) >>> 0);
  }

  #request(): void {
    const rng = this.#rng;
    const t = this.#s.unit.transactions[rng.below(2)]!;
    if (t.isDone) {
      this.seen.add(`outcome ${t.result.outcome} ${t.result.code}`);
      t.end();
    }
    if (t.isUnderWay) return;
    const pasid = rng.below(2) === 0 ? null : rng.below(2 ** rng.below(20));
    const frame = rng.below(2) === 0 ? rng.below(16) : rng.below(2 ** 32) * 2 ** rng.below(21);
    const type = rng.below(3) as AddressType;
    const requester = requesters[rng.below(5)]!;
    t.begin({ requester, pasid, frame, offset: rng.below(4096), write: rng.below(2) === 0, type });
  }

  /** Whoever can goes on, until nobody can. */
  #run(): void {
    const actors = this.#actors;
    for (let steps = 0; actors.some((a) => a.choices() > 0); ) {
      const actor = actors[this.#rng.below(actors.length)]!;
      const ways = actor.choices();
      if (ways === 0) continue;
      if (++steps > stepsMax) throw new Error("it does not come to rest");
      if (this.steps % 4 === 0) this.seen.add(actor.label(0));
      actor.step(this.#rng.below(ways));
      this.steps++;
    }
  }
}

/**
 * Many such machines.
 * @param codes faults that requests must have met: the first of them in the first tier, all of them in the second
 */
export function anythingIsAnswered(scalable: boolean, codes: readonly number[]): void {
  const seen = new Set<string>();
  for (let seed = 1; seed <= amount(8, 2500); seed++) {
    const hostile = new Hostile(seed, scalable);
    try {
      for (let n = 0; n < 200; n++) hostile.act();
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
    for (const what of hostile.seen) seen.add(what);
  }
  // It was no idle machine: descriptors of every kind were carried out, requests ended in every way.
  const told = [...seen];
  expect(told.filter((w) => w.startsWith("carry out")).length).toBeGreaterThan(amount(4, types.length - 1));
  for (const code of codes.slice(0, amount(4, codes.length)))
    expect(told).toContain(`outcome ${Outcome.refused} ${code}`);
  expect(told.some((w) => w.startsWith(`outcome ${Outcome.passes}`))).toBe(true);
}
