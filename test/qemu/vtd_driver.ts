/** QEMU's intel-iommu: random root, context and second-stage tables, and its one fault record. */

import type { Rng } from "../../src/base/rng.js";
import { write } from "../../src/bits/field.js";
import { ContextEntry } from "../../src/spec/vtd/context_entry.js";
import { RootEntry } from "../../src/spec/vtd/root_entry.js";
import type { UnitRoot } from "../../src/table/device/index.js";
import { Allow, type MapperOptions, type TableRoot } from "../../src/table/index.js";
import type { Qtest } from "./qtest.js";
import { type Kept, mapRandomly, spoil } from "./random_map.js";
import type { TestMemory } from "./test_memory.js";
import type { SeenFault, UnitDriver } from "./unit_driver.js";
import { unitTemplate } from "./unit_template.js";

export const vtdBase = 0xfed90000;
const at = (offset: number) => `0x${(vtdBase + offset).toString(16)}`;

/** Registers, by offset: VT-d 11.4. */
const gcmd = 0x18;
const rtaddr = 0x20;
const ccmd = 0x28;
const fsts = 0x34;

export class VtdLegacy implements UnitDriver {
  readonly name = "VT-d legacy, second stage";
  readonly codes = "vtd-legacy";
  readonly recordsFaults = true;
  readonly addressLg2 = 12;
  readonly faultRoom = 1;
  readonly inputBits: number;
  readonly #template: UnitRoot;
  readonly #faultAt: number;
  readonly #iotlbAt: number;

  private constructor(template: UnitRoot, cap: bigint, ecap: bigint) {
    this.#template = template;
    this.inputBits = template.abilities!.inputBits!;
    this.#faultAt = Number((cap >> 24n) & 0x3ffn) * 16;
    this.#iotlbAt = Number((ecap >> 8n) & 0x3ffn) * 16 + 8;
  }

  /** @param hostBits width of the machine's addresses, which no register says; for QEMU, `aw-bits` */
  static async of(qtest: Qtest, hostBits: number): Promise<VtdLegacy> {
    const offsets = [0x00, 0x08, 0x0c, 0x10, 0x14, 0x1c, 0x20, 0x24];
    const template = await unitTemplate(qtest, "vtd", vtdBase, offsets);
    const [cap, ecap] = await qtest.send([`readq ${at(0x08)}`, `readq ${at(0x10)}`]);
    await qtest.send([`writel ${at(gcmd)} 0x40000000`]);
    return new VtdLegacy({ ...template, outputBits: hostBits }, BigInt(cap!), BigInt(ecap!));
  }

  build(memory: TestMemory, rng: Rng, requesters: readonly number[]) {
    const root = memory.allocate(rng, 1);
    const unit: UnitRoot = { ...this.#template, mode: "legacy", root: root * 4096 };
    const kept: Kept = new Set();
    const worth = new Map<number, bigint[]>();
    const contexts = new Map<number, number>();
    for (const bus of new Set(requesters.map((r) => r >>> 8))) {
      const context = memory.allocate(rng, 1);
      contexts.set(bus, context);
      const words = memory.frame(root)!.subarray(bus * 4);
      write(words, 0, RootEntry.p, rng.below(40) === 0 ? 0 : 1);
      write(words, 0, RootEntry.frame, context);
      if (rng.below(40) === 0) words[1 + rng.below(3)]! ^= 2 ** rng.below(32);
    }
    const shared: { top: number; aw: number; did: number; worth: bigint[] }[] = [];
    for (const [n, requester] of requesters.entries()) {
      const words = memory.frame(contexts.get(requester >>> 8)!)!.subarray((requester & 0xff) * 4);
      const tt = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 1, 3][rng.below(14)]!;
      let table = rng.below(4) === 0 ? shared[0] : undefined;
      if (table === undefined) {
        const aw = this.#width(rng);
        const top = memory.allocate(rng, 1);
        const options: MapperOptions = { superpages: rng.below(3) > 0 };
        const mapped = mapRandomly(memory, rng, this.#table(top, aw), kept, options);
        table = { top, aw, did: n + 1, worth: mapped.worth };
        shared.push(table);
      }
      worth.set(requester, table.worth);
      write(words, 0, ContextEntry.p, rng.below(30) === 0 ? 0 : 1);
      write(words, 0, ContextEntry.tt, tt);
      write(words, 0, ContextEntry.aw, table.aw);
      write(words, 0, ContextEntry.frame, table.top);
      write(words, 0, ContextEntry.did, table.did);
      if (rng.below(30) === 0) words[rng.below(4)]! ^= 2 ** rng.below(32);
    }
    const devices = new Set([root, ...contexts.values()].map((f) => f * 4096));
    const tables = memory.tables.filter((t) => !devices.has(t));
    if (tables.length > 0) spoil(memory, rng, tables, kept, rng.below(60));
    return { unit, worth };
  }

  load(unit: UnitRoot): string[] {
    return [
      `writeq ${at(rtaddr)} 0x${unit.root.toString(16)}`,
      `writel ${at(gcmd)} 0xc0000000`,
      `writeq ${at(ccmd)} 0xa000000000000000`,
      ...this.forget(),
    ];
  }

  forget(): string[] {
    return [`writeq ${at(this.#iotlbAt)} 0x9000000000000000`];
  }

  async faults(qtest: Qtest): Promise<SeenFault[]> {
    const [low, high] = await qtest.send([
      `readq ${at(this.#faultAt)}`,
      `readq ${at(this.#faultAt + 8)}`,
      `writel ${at(this.#faultAt + 12)} 0x80000000`,
      `writel ${at(fsts)} 0x1`,
    ]);
    const head = BigInt(high!);
    if (head >> 63n === 0n) return [];
    return [
      {
        code: Number((head >> 32n) & 0xffn),
        requester: Number(head & 0xffffn),
        address: BigInt(low!) & ~0xfffn,
        write: ((head >> 62n) & 1n) === 0n,
      },
    ];
  }

  /** Mostly one that the unit has. */
  #width(rng: Rng): number {
    const levels = this.#template.abilities!.secondLevels!;
    const had = [1, 2, 3].filter((aw) => ((levels >>> (aw + 2)) & 1) === 1);
    return rng.below(12) === 0 ? 1 + rng.below(3) : had[rng.below(had.length)]!;
  }

  #table(top: number, aw: number): TableRoot {
    const inputBits = Math.min(30 + 9 * aw, Math.max(this.inputBits, 22 + 9 * aw));
    const { outputBits } = this.#template;
    return {
      format: "vtd-ss",
      address: top * 4096,
      level: aw + 1,
      inputBits,
      upper: "zero",
      outputBits,
      allow: Allow.readWrite,
    };
  }
}
