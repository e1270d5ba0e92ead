/** QEMU's intel-iommu: its registers, and its one fault record. What its tables hold is a world of its own. */
import type { Rng } from "../../src/base/rng.js";
import type { UnitRoot } from "../../src/table/device/index.js";
import type { CodeSet } from "../../src/table/index.js";
import type { Qtest } from "./qtest.js";
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
/** RTADDR.TTM. */
const scalableTables = 0x400;

/** A kind of tables: how they are made, and whose codes their faults have. */
export interface VtdWorld {
  readonly name: string;
  readonly codes: CodeSet;
  build(
    template: UnitRoot,
    memory: TestMemory,
    rng: Rng,
    requesters: readonly number[],
  ): { unit: UnitRoot; worth: Map<number, bigint[]> };
}

export class VtdDriver implements UnitDriver {
  readonly name: string;
  readonly codes: CodeSet;
  readonly recordsFaults = true;
  readonly addressLg2 = 12;
  readonly faultRoom = 1;
  readonly inputBits: number;
  readonly #world: VtdWorld;
  readonly #template: UnitRoot;
  readonly #faultAt: number;
  readonly #iotlbAt: number;

  private constructor(world: VtdWorld, template: UnitRoot, cap: bigint, ecap: bigint) {
    this.#world = world;
    this.name = world.name;
    this.codes = world.codes;
    this.#template = template;
    this.inputBits = template.abilities!.inputBits!;
    this.#faultAt = Number((cap >> 24n) & 0x3ffn) * 16;
    this.#iotlbAt = Number((ecap >> 8n) & 0x3ffn) * 16 + 8;
  }

  /** @param hostBits width of the machine's addresses, which no register says; for QEMU, `aw-bits` */
  static async of(qtest: Qtest, hostBits: number, world: VtdWorld): Promise<VtdDriver> {
    const offsets = [0x00, 0x08, 0x0c, 0x10, 0x14, 0x1c, 0x20, 0x24];
    const template = await unitTemplate(qtest, "vtd", vtdBase, offsets);
    const [cap, ecap] = await qtest.send([`readq ${at(0x08)}`, `readq ${at(0x10)}`]);
    await qtest.send([`writel ${at(gcmd)} 0x40000000`]);
    return new VtdDriver(world, { ...template, outputBits: hostBits }, BigInt(cap!), BigInt(ecap!));
  }

  build(memory: TestMemory, rng: Rng, requesters: readonly number[]) {
    return this.#world.build(this.#template, memory, rng, requesters);
  }

  load(unit: UnitRoot): string[] {
    return [
      `writeq ${at(rtaddr)} 0x${(unit.root + (unit.mode === "scalable" ? scalableTables : 0)).toString(16)}`,
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
}
