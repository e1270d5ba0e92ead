/** An SMMUv3 whose software writes anything anywhere: it answers, it never throws, it never works for ever. */
import { expect } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { DeviceTlb } from "../../../src/hw/iommu/ats/device_tlb.js";
import type { AddressType } from "../../../src/hw/iommu/core/request.js";
import { commandLayouts } from "../../../src/spec/smmuv3/command_layouts.js";
import { smmuRegisters } from "../../../src/spec/smmuv3/register_map.js";
import { reservedMask } from "../../../src/table/device/entry.js";
import { amount } from "../../tier.js";
import { frames, identification, SmmuSoftware } from "./smmu_software.js";

const offsets = Object.values(smmuRegisters.registers).flatMap((r) =>
  r.bytes === 8 ? [r.offset, r.offset + 4] : [r.offset],
);
const opcodes = Object.keys(commandLayouts).map(Number);
const { registers: at } = smmuRegisters;

/** Steps of one actor that a single cause may lead to. */
const stepsMax = 4000;

interface Seen {
  readonly ways: Set<string>;
  steps: number;
}

class Hostile {
  readonly #s: SmmuSoftware;
  readonly #rng: Rng;
  readonly #tlb: DeviceTlb;
  readonly #seen: Seen;

  constructor(seed: number, seen: Seen) {
    const rng = new Rng(seed);
    const any = identification();
    const given = { idr0: this.#word(rng), idr1: this.#word(rng), idr3: this.#word(rng), idr5: this.#word(rng) };
    let tlb: DeviceTlb | null = null;
    this.#s = new SmmuSoftware({
      identification: rng.below(3) === 0 ? given : any,
      deviceTlb: (r) => (r % 2 === 0 ? tlb : null),
      requests: 2,
      twoLevel: rng.below(2) === 0,
      fetchBits: ([64, 128, 512] as const)[rng.below(3)]!,
    }).start(rng.below(2) * 0x10);
    const manners = (["answers", "never", "lies", "twice"] as const)[rng.below(4)]!;
    tlb = new DeviceTlb({ state: this.#s.state, requester: 2, sink: this.#s.unit, manners });
    this.#tlb = tlb;
    this.#rng = rng;
    this.#seen = seen;
    this.#build();
  }

  #word(rng: Rng): number {
    return rng.below(2 ** 32);
  }

  /** Streams that work, before they are spoiled. */
  #build(): void {
    const s = this.#s;
    const [first, second] = [s.first(), s.second()];
    first.map(0x5000, 0x80_0000, 0x8000, 3);
    second.map(0, 0, 2 ** 21, 3);
    for (let n = 0; n < 8; n++) {
      const contexts = s.contexts(6);
      for (let c = 0; c < 64; c += 9)
        s.context(contexts + c * 64, first, { asid: this.#rng.below(3), s: c % 2, a: c % 2 });
      const config = [0, 4, 5, 5, 6, 7, 7, 7][this.#rng.below(8)]!;
      const more = this.#rng.below(2) === 0 ? { s1CdMax: 6, s1Fmt: this.#rng.below(3), s1Dss: this.#rng.below(4) } : {};
      s.stream(n, {
        config,
        s1Context: contexts / 64,
        ...s.secondOf(second, this.#rng.below(3)),
        eats: n % 2,
        ...more,
      });
    }
  }

  /** A number in which structures have their bits: small, all ones, a frame that there is, or anything. */
  #value(): number {
    const kinds = [
      () => this.#rng.below(64),
      () => 0xffff_ffff,
      () => this.#rng.below(frames) * 4096,
      () => this.#rng.below(2 ** 32),
      () => 2 ** this.#rng.below(32),
      () => this.#rng.below(2 ** 19) + this.#rng.below(2) * 2 ** 31,
    ];
    return kinds[this.#rng.below(kinds.length)]!();
  }

  act(): void {
    const { registers, queue } = this.#s.unit;
    switch (this.#rng.below(14)) {
      case 0:
        registers.write32(offsets[this.#rng.below(offsets.length)]!, this.#value());
        break;
      case 1: {
        const offset = offsets[this.#rng.below(offsets.length)]!;
        registers.write64(offset - (offset % 8), this.#value(), this.#value());
        registers.read64(offset - (offset % 8), new Uint32Array(2));
        break;
      }
      case 2:
        registers.write32(at.cmdqProd.offset, this.#value());
        break;
      case 3:
        registers.write32(at.gerrorn.offset, registers.get("gerror"));
        break;
      case 4:
        this.#spoil();
        break;
      case 5:
        if (this.#s.unit.tags.requesterOf(this.#rng.below(2)) !== null) queue.timedOut(0);
        this.#s.unit.completed({
          requester: this.#rng.below(4),
          tags: this.#rng.below(2 ** 32),
          count: this.#rng.below(8),
        });
        break;
      case 6:
      case 7:
        this.#back();
        break;
      default:
        this.#command();
        break;
    }
    this.#request();
    this.#run();
  }

  /** Nothing works for long otherwise: queues and translation on again. */
  #back(): void {
    const { registers } = this.#s.unit;
    registers.write32(at.cr0.offset, 0);
    this.#run();
    registers.write32(at.gerrorn.offset, registers.get("gerror"));
    registers.write32(at.cmdqCons.offset, 0);
    registers.write32(at.cmdqProd.offset, 0);
    registers.write32(at.eventqProd.offset, 0);
    registers.write32(at.eventqCons.offset, 0);
    this.#s.start(this.#rng.below(2) * 0x10);
  }

  #command(): void {
    const words = Array.from({ length: 4 }, () => (this.#rng.below(3) === 0 ? 0 : this.#value()));
    const known = opcodes[this.#rng.below(opcodes.length)]!;
    words[0] = ((words[0]! & ~0xff) | known) >>> 0;
    if (this.#rng.below(2) === 0) words[1] = this.#rng.below(8);
    // Most of them are well-formed.
    const reserved = reservedMask(commandLayouts[known]!);
    if (this.#rng.below(8) > 0) for (let n = 0; n < 4; n++) words[n] = (words[n]! & ~reserved[n]!) >>> 0;
    const { registers } = this.#s.unit;
    const index = registers.get("cmdqProd") & 0xf;
    this.#s.store(this.#s.commandsAt + index * 16, 4, (w) => w.set(words));
    registers.write32(at.cmdqProd.offset, (registers.get("cmdqProd") + 1) % 32);
  }

  /** A bit of some structure, or a whole word of it. */
  #spoil(): void {
    const { memory } = this.#s;
    const address = (16 + this.#rng.below(60)) * 4096 + this.#rng.below(1024) * 4;
    if (this.#rng.below(4) === 0) memory.store32(address, this.#value());
    else memory.store32(address, (memory.load32(address) ^ (2 ** this.#rng.below(32))) >>> 0);
  }

  #request(): void {
    const t = this.#s.unit.transactions[this.#rng.below(2)]!;
    if (t.isDone) {
      this.#seen.ways.add(`outcome ${t.result.outcome} ${t.result.code}`);
      t.end();
    }
    if (t.isUnderWay) return;
    const pasid = this.#rng.below(2) === 0 ? null : this.#rng.below(2 ** this.#rng.below(20));
    const frame =
      this.#rng.below(2) === 0 ? 5 + this.#rng.below(8) : this.#rng.below(2 ** 32) * 2 ** this.#rng.below(21);
    const requester = this.#rng.below(4) === 0 ? this.#rng.below(2 ** 32) : this.#rng.below(10);
    const type = this.#rng.below(3) as AddressType;
    t.begin({ requester, pasid, frame, offset: this.#rng.below(4096), write: this.#rng.below(2) === 0, type });
  }

  /** Whoever can goes on, until nobody can. */
  #run(): void {
    const { unit } = this.#s;
    const actors = [...unit.transactions, unit.queue, this.#tlb];
    for (let steps = 0; ; steps++) {
      const ready = actors.filter((a) => a.choices() > 0);
      const actor = ready[this.#rng.below(Math.max(ready.length, 1))];
      if (actor === undefined) return;
      if (steps >= stepsMax) throw new Error("it does not come to rest");
      if (this.#seen.steps % 4 === 0) this.#seen.ways.add(actor.label());
      actor.step(this.#rng.below(actor.choices()));
      this.#seen.steps++;
    }
  }
}

/** Many such machines. @param first the first of their seeds */
export function anythingIsAnswered(first: number): void {
  const seen: Seen = { ways: new Set(), steps: 0 };
  for (let seed = first; seed < first + amount(8, 1700); seed++) {
    const hostile = new Hostile(seed, seen);
    try {
      for (let n = 0; n < amount(150, 300); n++) hostile.act();
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
  // It was no idle machine: commands of every kind were carried out, requests ended in every way.
  const told = [...seen.ways];
  expect(told.filter((w) => w.startsWith("carry out")).length).toBeGreaterThan(amount(12, 18));
  const codes = new Set(told.filter((w) => w.startsWith("outcome 2")).map((w) => Number(w.split(" ")[2])));
  for (const code of [2, 4, 5, 7, 8, 0x10]) expect(codes, `event ${code}`).toContain(code);
  for (const outcome of [1, 2, 3]) expect(told.some((w) => w.startsWith(`outcome ${outcome}`))).toBe(true);
}
