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

export const vtdBase = 0xfed90000;
const at = (offset: number) => `0x${(vtdBase + offset).toString(16)}`;

/** Registers, by offset: VT-d 11.4. */
const gcmd = 0x18;
const rtaddr = 0x20;
const ccmd = 0x28;
const fsts = 0x34;

/** What CAP and ECAP say, so far as tables are concerned. */
export function vtdUnit(cap: bigint, ecap: bigint, hostBits: number): Omit<UnitRoot, "root" | "mode"> {
  const bits = (v: bigint, msb: number, lsb: number) =>
    Number((v >> BigInt(lsb)) & ((1n << BigInt(msb - lsb + 1)) - 1n));
  const large = bits(cap, 37, 34);
  const lacks = [
    ...((large & 1) === 0 ? (["pages-2m"] as const) : []),
    ...((large & 2) === 0 ? (["pages-1g"] as const) : []),
    ...(bits(ecap, 7, 7) === 0 ? (["snoop-control"] as const) : []),
    ...(bits(ecap, 2, 2) === 0 ? (["device-tlb"] as const) : []),
  ];
  return {
    kind: "vtd",
    size: 4096,
    split: 0,
    registersAt: vtdBase,
    translating: true,
    interruptRemapping: false,
    interruptTable: null,
    outputBits: hostBits,
    found: "registers",
    segment: 0,
    abilities: {
      secondLevels: (bits(cap, 12, 8) & 0xe) << 2,
      inputBits: bits(cap, 21, 16) + 1,
      passThrough: bits(ecap, 6, 6) === 1,
      ats: bits(ecap, 2, 2) === 1,
      secondLacks: lacks,
    },
  };
}

export class VtdLegacy implements UnitDriver {
  readonly name = "VT-d legacy, second stage";
  readonly codes = "vtd-legacy";
  readonly faultRoom = 1;
  readonly inputBits: number;
  readonly #unit: Omit<UnitRoot, "root" | "mode">;
  readonly #faultAt: number;
  readonly #iotlbAt: number;

  /** @param hostBits width of the machine's addresses; for QEMU, `aw-bits` */
  constructor(cap: bigint, ecap: bigint, hostBits: number) {
    this.#unit = vtdUnit(cap, ecap, hostBits);
    this.inputBits = this.#unit.abilities!.inputBits!;
    this.#faultAt = Number((cap >> 24n) & 0x3ffn) * 16;
    this.#iotlbAt = Number((ecap >> 8n) & 0x3ffn) * 16 + 8;
  }

  static async of(qtest: Qtest, hostBits: number): Promise<VtdLegacy> {
    return new VtdLegacy(await qtest.ask(`readq ${at(8)}`), await qtest.ask(`readq ${at(0x10)}`), hostBits);
  }

  build(memory: TestMemory, rng: Rng, requesters: readonly number[]) {
    const root = memory.allocate(rng, 1);
    const unit: UnitRoot = { ...this.#unit, mode: "legacy", root: root * 4096 };
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
        const aw = [1, 1, 1, 2, 2, 2, 2, 2, 3][rng.below(9)]!;
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

  sameAddress(recorded: bigint, asked: bigint): boolean {
    return recorded === (asked & ~0xfffn);
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

  #table(top: number, aw: number): TableRoot {
    const inputBits = Math.min(30 + 9 * aw, Math.max(this.inputBits, 22 + 9 * aw));
    const { outputBits } = this.#unit;
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
