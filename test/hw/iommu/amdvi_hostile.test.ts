/**
 * An AMD-Vi unit under software and devices that mean it no good: random commands, pointers, registers of both widths, tables
 * laid over the rings. It answers all of it: nothing is thrown, and with nothing new to do it comes to rest.
 */
import { expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { Outcome } from "../../../src/hw/iommu/core/request.js";
import { resolve } from "../../../src/hw/iommu/core/translating_port.js";
import { amdviRegisters } from "../../../src/spec/amdvi/register_map.js";
import { amount } from "../../tier.js";
import { AmdviSoftware } from "./amdvi_software.js";

const { registers: at } = amdviRegisters;
const offsets = Object.values(at).map((r) => r.offset);
const requesters = [0x18, 0x20, 0xff, 0x100, 0xffff];

/** A word as software that errs, or means to, would have it. */
function word(rng: Rng): number {
  switch (rng.below(4)) {
    case 0:
      return 0;
    case 1:
      return 0xffff_ffff;
    case 2:
      return (1 << rng.below(32)) >>> 0;
    default:
      return rng.below(2 ** 32);
  }
}

/** An address in the memory that there is, or a little beyond it. */
const place = (rng: Rng) => rng.below(1100) * 4096 + (rng.below(8) === 0 ? rng.below(4096) : 0);

/** A command whose opcode there is, most often with no bit that is reserved. */
function command(rng: Rng, s: AmdviSoftware): number[] {
  const opcode = rng.below(12) === 0 ? rng.below(16) : 1 + rng.below(8);
  if (rng.below(16) === 0) return [word(rng), (word(rng) % 2 ** 28) + opcode * 2 ** 28, word(rng), word(rng)];
  const top = opcode * 2 ** 28;
  const page = rng.below(16) * 4096;
  if (opcode === 1) return [((rng.below(2) === 0 ? s.statusAt : place(rng)) & ~7) + rng.below(8), top, word(rng), 0];
  if (opcode === 3) return [rng.below(8), top + rng.below(16), page + rng.below(8), rng.below(2) * 0x7fff_ffff];
  if (opcode === 4) return [0x18 + rng.below(4) * 2 ** 24, top + rng.below(4), page + rng.below(2), 0];
  return opcode === 8 ? [0, top, 0, 0] : [requesters[rng.below(5)]!, top, 0, 0];
}

class Hostile {
  readonly counts = { refused: 0, reached: 0, steps: 0, halted: 0, stored: 0 };
  readonly #rng: Rng;
  readonly #s: AmdviSoftware;

  constructor(seed: number) {
    this.#rng = new Rng(seed);
    // Memory that ends soon, so that what points anywhere often points beyond it.
    this.#s = new AmdviSoftware({ outputBits: 32, commands: 3, deviceTags: 2, requests: 2, deviceTlb: () => null });
    const s = this.#s;
    s.start({ eventIntEn: 1, comWaitIntEn: 1, invTimeOut: 1 });
    const table = s.domain();
    table.map(0x5000, 0x80_0000, 0x8000, 3);
    for (let n = 0; n < 256; n++) s.memory.store(s.commandsAt + n * 16, command(this.#rng, s));
    for (const r of [0x18, 0x20, 0xff]) s.attach(r, { table: table.root.address, did: r & 7, i: 1 });
  }

  step(): void {
    const [rng, s] = [this.#rng, this.#s];
    const { registers } = s.unit;
    switch (rng.below(10)) {
      case 0:
        registers.write32(rng.below(4) === 0 ? rng.below(0x1000) * 4 : offsets[rng.below(offsets.length)]!, word(rng));
        break;
      case 1: {
        const offset = rng.below(4) === 0 ? rng.below(0x800) * 8 : offsets[rng.below(offsets.length)]!;
        registers.write64(offset - (offset % 8), word(rng), word(rng));
        break;
      }
      case 2:
      case 8:
        // Again as it should be: else it would be off most of the time.
        registers.write64(at.devtab.offset, s.devtab + 1, 0);
        registers.write64(at.cmdbuf.offset, s.commandsAt, 0x0800_0000);
        registers.write64(at.evtlog.offset, rng.below(4) === 0 ? s.commandsAt : s.eventsAt, 0x0800_0000);
        registers.write64(at.control.offset, 0, 0);
        s.control({ iommuEn: 1, eventLogEn: 1, cmdBufEn: 1, gtEn: 1, invTimeOut: rng.below(8) });
        break;
      case 3:
        for (let n = 0; n < 8; n++) s.memory.store(s.commandsAt + n * 16, command(rng, s));
        break;
      case 4:
        registers.write64(at.cmdTail.offset, rng.below(2) === 0 ? rng.below(4096) : word(rng), word(rng));
        break;
      case 5:
        // Entries of the device table, and of page tables.
        s.memory.store32(s.devtab + rng.below(2048) * 4, word(rng));
        s.memory.store64(rng.below(40) * 4096 + rng.below(512) * 8, place(rng) + rng.below(4096), word(rng));
        break;
      case 6:
      case 7:
        s.unit.completed({ requester: 0x18 + rng.below(2), tags: word(rng), count: 1 + rng.below(2) });
        s.unit.queue.timedOut(rng.below(2));
        break;
      default:
        this.#ask();
        break;
    }
    this.#work();
  }

  #ask(): void {
    const rng = this.#rng;
    const transaction = this.#s.unit.transactions[rng.below(2)]!;
    const request = {
      requester: requesters[rng.below(5)]!,
      pasid: rng.below(3) === 0 ? rng.below(2 ** 20) : null,
      frame: rng.below(2) === 0 ? rng.below(16) : rng.below(2 ** 32) * 2 ** rng.below(21),
      offset: rng.below(4096),
      write: rng.below(2) === 0,
      type: rng.below(3) as 0 | 1 | 2,
    };
    const { outcome } = resolve(transaction, request, (ways) => rng.below(ways));
    if (outcome === Outcome.passes) this.counts.reached++;
    if (outcome === Outcome.refused) this.counts.refused++;
  }

  /** Until nothing can be done. A ring holds no more than 2^15 commands, of which each takes three steps at most. */
  #work(): void {
    const { queue: commands, registers } = this.#s.unit;
    let steps = 0;
    for (let ways = commands.choices(); ways > 0; ways = commands.choices()) {
      if (commands.label(0) === "") throw new Error("a step without a name");
      commands.step(this.#rng.below(ways));
      if (++steps > 3 * 2 ** 15 + 16) throw new Error("it does not come to rest");
    }
    this.counts.steps += steps;
    if ((registers.get("status") & 0x10) === 0) this.counts.halted++;
    if (this.#s.status !== 0) this.counts.stored++;
    this.#s.memory.store32(this.#s.statusAt, 0);
  }
}

test.each([1, 2, 3, 4])("random input, seed %i", (seed) => {
  const hostile = new Hostile(seed);
  for (let n = amount(4000, 250_000); n > 0; n--) hostile.step();
  const { refused, reached, steps, halted, stored } = hostile.counts;
  // It was not off all the time.
  expect(Math.min(refused, reached)).toBeGreaterThan(40);
  expect(steps).toBeGreaterThan(500);
  expect(Math.min(halted, stored)).toBeGreaterThan(5);
});
