/** QEMU's SMMUv3: random stream tables, context descriptors and first-stage tables of all granules; its event queue. */
import type { Rng } from "../../src/base/rng.js";
import { write } from "../../src/bits/field.js";
import { ContextDescriptor as Cd } from "../../src/spec/smmuv3/context_descriptor.js";
import { L1StreamDescriptor, StreamEntry as Ste } from "../../src/spec/smmuv3/stream_table.js";
import { Path } from "../../src/table/device/entry.js";
import { deviceTables, type UnitRoot } from "../../src/table/device/index.js";
import { findStream } from "../../src/table/device/smmuv3_stream.js";
import { secondStage } from "../../src/table/device/smmuv3_tables.js";
import type { TableRoot } from "../../src/table/index.js";
import type { Qtest } from "./qtest.js";
import { type Kept, mapRandomly, spoil } from "./random_map.js";
import { mapBelow, writeSecondStage } from "./smmuv3_stage2.js";
import type { TestMemory } from "./test_memory.js";
import type { SeenFault, UnitDriver } from "./unit_driver.js";
import { unitTemplate } from "./unit_template.js";

export const smmuBase = 0x0905_0000;
const at = (offset: number) => `0x${(smmuBase + offset).toString(16)}`;

/** Registers, by offset: IHI 0070, 6.3. */
const cr0 = 0x20;
const strtab = 0x80;
const strtabConfig = 0x88;
const cmdqBase = 0x90;
const cmdqProd = 0x98;
const evtqBase = 0xa0;
const evtqProd = 0x100a8;
const evtqCons = 0x100ac;

/** Queues, as offsets into RAM; entries as powers of two. */
const commandsAt = 8 * 2 ** 20;
const commandsLg2 = 8;
const eventsAt = 9 * 2 ** 20;
const eventsLg2 = 7;
const eventBytes = 32;

/** CMD_CFGI_ALL and CMD_TLBI_NSNH_ALL, one after the other all around the queue. Source: IHI 0070, 4.3, 4.4. */
const commandPair = new BigUint64Array([0x04n, 31n, 0x30n, 0n]);

export type StreamTableForm = "linear" | "two-level";
/** Of what the streams are made: first stages alone, or also second ones, alone and under first ones. */
export type Stages = "first" | "both";

export class Smmuv3 implements UnitDriver {
  readonly name: string;
  readonly codes = "smmuv3";
  readonly recordsFaults = true;
  // The device's 8 bytes may reach the unit as two accesses of 4.
  readonly addressLg2 = 3;
  readonly faultRoom = 8;
  readonly inputBits = 48;
  readonly #template: UnitRoot;
  readonly #form: StreamTableForm;
  readonly #stages: Stages;
  readonly #ramBase: number;
  #commands = 0;
  #consumed = 0;

  private constructor(template: UnitRoot, ramBase: number, form: StreamTableForm, stages: Stages) {
    this.name = `SMMUv3, ${stages === "first" ? "first stage" : "both stages"}, ${form} stream table`;
    this.#form = form;
    this.#stages = stages;
    this.#template = template;
    this.#ramBase = ramBase;
  }

  /** @param form of all its stream tables: QEMU does not go back from two levels to one. */
  static async of(qtest: Qtest, ramBase: number, form: StreamTableForm, stages: Stages = "first"): Promise<Smmuv3> {
    const offsets = [0x00, 0x04, 0x0c, 0x14, 0x18, 0x20, 0x44, strtab, strtab + 4, strtabConfig];
    await qtest.send([`writeq ${at(strtab)} 0x${ramBase.toString(16)}`, `writel ${at(strtabConfig)} 0x8`]);
    const unit = new Smmuv3(await unitTemplate(qtest, "smmuv3", smmuBase, offsets), ramBase, form, stages);
    for (let n = 0; n < 2 ** commandsLg2; n += 2) {
      qtest.writeRam(ramBase + commandsAt + n * 16, new Uint8Array(commandPair.buffer));
    }
    await qtest.send([
      `writeq ${at(cmdqBase)} 0x${(ramBase + commandsAt + commandsLg2).toString(16)}`,
      `writeq ${at(evtqBase)} 0x${(ramBase + eventsAt + eventsLg2).toString(16)}`,
      `writel ${at(cr0)} 0xc`,
    ]);
    return unit;
  }

  build(memory: TestMemory, rng: Rng, requesters: readonly number[]) {
    const linear = this.#form === "linear";
    const { unit, entries } = linear ? this.#linear(memory, rng) : this.#twoLevel(memory, rng, requesters);
    const kept: Kept = new Set();
    const worth = new Map<number, bigint[]>();
    const devices = new Set(memory.tables);
    for (const requester of requesters) {
      const entry = memory.index(entries(requester));
      if (entry < 0) continue;
      const ste = memory.words.subarray(entry, entry + 16);
      if (this.#stages === "both") writeSecondStage(memory, rng, ste);
      const config = this.#stages === "first" ? 5 : [5, 6, 6, 7, 7, 7][rng.below(6)]!;
      if (config === 6) {
        write(ste, 0, Ste.v, 1);
        write(ste, 0, Ste.config, config);
        const options = { superpages: rng.below(3) > 0, contiguous: rng.below(2) === 0 };
        const root = secondOf(memory, unit, requester);
        worth.set(requester, root === null ? [] : mapRandomly(memory, rng, root, kept, options).worth);
        if (rng.below(30) === 0) ste[4 + rng.below(4)]! ^= 2 ** rng.below(32);
        continue;
      }
      const frame = memory.allocate(rng, 1);
      devices.add(frame * 4096);
      const descriptor = frame * 4096 + rng.below(64) * 64;
      write(ste, 0, Ste.v, 1);
      write(ste, 0, Ste.config, 5);
      write(ste, 0, Ste.s1Context, descriptor / 64);
      const cd = memory.words.subarray(memory.index(descriptor), memory.index(descriptor) + 16);
      this.#context(memory, rng, cd);
      const found = deviceTables.smmuv3.lookup(memory, unit, requester, null);
      for (const root of "state" in found ? found.first : []) {
        const options = { superpages: rng.below(3) > 0, contiguous: rng.below(2) === 0 };
        const mapped = mapRandomly(memory, rng, root, kept, options, [1, 3]);
        worth.set(requester, [...(worth.get(requester) ?? []), ...mapped.worth]);
      }
      if (config === 7) {
        write(ste, 0, Ste.config, 7);
        const root = secondOf(memory, unit, requester);
        if (root !== null) mapBelow(memory, rng, root, kept);
      }
      if (config === 5) write(ste, 0, Ste.config, [5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 4, 0, 1][rng.below(14)]!);
      if (rng.below(30) === 0) ste[rng.below(2)]! ^= 2 ** rng.below(32);
      // Bits 34:32 stay: QEMU ends itself at an IPS that it does not know.
      if (rng.below(30) === 0) cd[[0, 1, 2, 3][rng.below(4)]!]! ^= 2 ** (3 + rng.below(29));
    }
    const tables = memory.tables.filter((t) => !devices.has(t));
    if (tables.length > 0) spoil(memory, rng, tables, kept, rng.below(60));
    return { unit, worth };
  }

  load(unit: UnitRoot): string[] {
    const twoLevel = unit.mode === "two-level" ? 0x10000 : 0;
    return [
      `writel ${at(cr0)} 0xc`,
      `writeq ${at(strtab)} 0x${unit.root.toString(16)}`,
      `writel ${at(strtabConfig)} 0x${(twoLevel | (unit.split << 6) | unit.size).toString(16)}`,
      ...this.forget(),
      `writel ${at(cr0)} 0xd`,
      ...this.forget(),
    ];
  }

  forget(): string[] {
    this.#commands = (this.#commands + 2) % 2 ** (commandsLg2 + 1);
    return [`writel ${at(cmdqProd)} 0x${this.#commands.toString(16)}`];
  }

  async faults(qtest: Qtest): Promise<SeenFault[]> {
    const produced = Number(await qtest.ask(`readl ${at(evtqProd)}`)) % 2 ** (eventsLg2 + 1);
    const seen: SeenFault[] = [];
    const words = new BigUint64Array(eventBytes / 8);
    for (; this.#consumed !== produced; this.#consumed = (this.#consumed + 1) % 2 ** (eventsLg2 + 1)) {
      const index = this.#consumed % 2 ** eventsLg2;
      qtest.readRam(this.#ramBase + eventsAt + index * eventBytes, new Uint8Array(words.buffer));
      const code = Number(words[0]! & 0xffn);
      // The events about a stream's own structures carry no address.
      const ofTables = code >= 0x10 || code === 0x0b;
      const write = ofTables ? ((words[1]! >> 35n) & 1n) === 0n : null;
      seen.push({ code, requester: Number(words[0]! >> 32n), address: ofTables ? words[2]! : null, write });
    }
    await qtest.send([`writel ${at(evtqCons)} 0x${produced.toString(16)}`]);
    return seen;
  }

  #linear(memory: TestMemory, rng: Rng) {
    const lg2 = rng.below(8) === 0 ? 8 : 11;
    const table = memory.allocate(rng, 2 ** lg2 / 64) * 4096;
    const unit: UnitRoot = { ...this.#template, mode: "linear", root: table, size: lg2, split: 0 };
    return { unit, entries: (stream: number) => (stream < 2 ** lg2 ? table + stream * 64 : -1) };
  }

  #twoLevel(memory: TestMemory, rng: Rng, requesters: readonly number[]) {
    const split = [6, 8, 10][rng.below(3)]!;
    const lg2 = rng.below(8) === 0 ? 9 : 11;
    const top = memory.allocate(rng, 1) * 4096;
    const unit: UnitRoot = { ...this.#template, mode: "two-level", root: top, size: lg2, split };
    const leaves = new Map<number, { at: number; count: number }>();
    for (const stream of requesters) {
      const index = stream >>> split;
      if (stream >= 2 ** lg2 || leaves.has(index)) continue;
      const spanLg2 = split - (rng.below(6) === 0 ? 2 : 0);
      const leaf = memory.allocate(rng, Math.max(1, 2 ** spanLg2 / 64)) * 4096;
      leaves.set(index, { at: leaf, count: 2 ** spanLg2 });
      const words = memory.words.subarray(memory.index(top) + index * 2);
      write(words, 0, L1StreamDescriptor.span, rng.below(30) === 0 ? 0 : spanLg2 + 1);
      write(words, 0, L1StreamDescriptor.l2, leaf / 64);
    }
    const entries = (stream: number) => {
      const leaf = leaves.get(stream >>> split);
      const within = stream % 2 ** split;
      return leaf !== undefined && stream < 2 ** lg2 && within < leaf.count ? leaf.at + within * 64 : -1;
    };
    return { unit, entries };
  }

  #context(memory: TestMemory, rng: Rng, cd: Uint32Array): void {
    const granules = [0, 0, 1, 2];
    const tg0 = granules[rng.below(4)]!;
    write(cd, 0, Cd.v, 1);
    write(cd, 0, Cd.aa64, 1);
    write(cd, 0, Cd.a, 1);
    write(cd, 0, Cd.r, 1);
    write(cd, 0, Cd.aset, 1);
    write(cd, 0, Cd.ips, 4);
    // At most 32: the page of results lies above 1 GiB.
    write(cd, 0, Cd.t0sz, 16 + rng.below(17));
    write(cd, 0, Cd.tg0, tg0);
    write(cd, 0, Cd.ttb0, (memory.allocate(rng, granuleFrames[tg0]!) * 4096) / 16);
    if (rng.below(6) > 0) write(cd, 0, Cd.epd1, 1);
    else {
      const tg1 = [2, 3, 1][tg0]!;
      write(cd, 0, Cd.t1sz, 16 + rng.below(24));
      write(cd, 0, Cd.tg1, tg1);
      write(cd, 0, Cd.ttb1, (memory.allocate(rng, granuleFrames[tg0]!) * 4096) / 16);
    }
  }
}

/** The second stage that a stream's entry describes; null when the unit refuses it. */
function secondOf(memory: TestMemory, unit: UnitRoot, requester: number): TableRoot | null {
  const words = findStream(memory, unit, requester, new Path());
  const stage = words instanceof Uint32Array ? secondStage(unit, words) : null;
  return stage !== null && "root" in stage ? stage.root : null;
}

/** Frames of a table by TG0. */
const granuleFrames = [1, 16, 4];
