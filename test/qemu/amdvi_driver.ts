/** QEMU's amd-iommu: a random device table, v1 tables with all page sizes and skipped levels; its event log. */
import type { Rng } from "../../src/base/rng.js";
import { write } from "../../src/bits/field.js";
import { DeviceEntry } from "../../src/spec/amdvi/device_entry.js";
import { deviceTables, type UnitRoot } from "../../src/table/device/index.js";
import type { Qtest } from "./qtest.js";
import { type Kept, mapRandomly, spoil } from "./random_map.js";
import type { TestMemory } from "./test_memory.js";
import type { SeenFault, UnitDriver } from "./unit_driver.js";
import { unitTemplate } from "./unit_template.js";

export const amdviBase = 0xfed8_0000;
const at = (offset: number) => `0x${(amdviBase + offset).toString(16)}`;

/** Registers, by offset: AMD IOMMU 48882, 3.4. */
const devtab = 0x00;
const cmdbuf = 0x08;
const evtlog = 0x10;
const control = 0x18;
const cmdTail = 0x2008;
const evtHead = 0x2010;
const evtTail = 0x2018;

/** The event log is on, the command buffer is on, the unit translates. */
const enable = 0x1005;
const commandsAt = 8 * 2 ** 20;
const eventsAt = 9 * 2 ** 20;
/** 256 entries of 16 bytes each. */
const queueBytes = 4096;
/** INVALIDATE_IOMMU_ALL and INVALIDATE_DEVTAB_ENTRY: 2.4.8, 2.4.2. */
const invalidateAll = 0x8000_0000_0000_0000n;
const invalidateEntry = 0x2000_0000_0000_0000n;
/** The queue repeats one round: an entry of the device table for each device, then all translations. */
const roundBytes = 16 * 16;

const tablePages = 16;

export class Amdvi implements UnitDriver {
  readonly name = "AMD-Vi, v1 tables";
  readonly codes = "amdvi";
  readonly recordsFaults = false;
  readonly addressLg2 = 3;
  readonly faultRoom = 8;
  readonly inputBits = 48;
  readonly #template: UnitRoot;
  #commands = 0;
  #consumed = 0;

  private constructor(template: UnitRoot) {
    this.#template = template;
  }

  static async of(qtest: Qtest, requesters: readonly number[]): Promise<Amdvi> {
    const offsets = [0x00, 0x04, 0x18, 0x1c, 0x30, 0x34];
    const template = await unitTemplate(qtest, "amdvi", amdviBase, offsets);
    for (let n = 0; n < queueBytes; n += 16) {
      const requester = requesters[(n % roundBytes) / 16];
      const command = requester === undefined ? invalidateAll : invalidateEntry + BigInt(requester);
      qtest.writeRam(commandsAt + n, new Uint8Array(new BigUint64Array([command, 0n]).buffer));
    }
    await qtest.send([
      `writeq ${at(cmdbuf)} 0x${(0x0800_0000_0000_0000n + BigInt(commandsAt)).toString(16)}`,
      `writeq ${at(evtlog)} 0x${(0x0800_0000_0000_0000n + BigInt(eventsAt)).toString(16)}`,
    ]);
    return new Amdvi(template);
  }

  build(memory: TestMemory, rng: Rng, requesters: readonly number[]) {
    const table = memory.allocate(rng, tablePages) * 4096;
    const unit: UnitRoot = { ...this.#template, mode: "v1", root: table, size: tablePages * 4096 };
    const kept: Kept = new Set();
    const worth = new Map<number, bigint[]>();
    const devices = new Set(memory.tables);
    for (const [n, requester] of requesters.entries()) {
      const entry = memory.words.subarray(memory.index(table + requester * 32));
      const dte = entry.subarray(0, 8);
      write(dte, 0, DeviceEntry.v, 1);
      write(dte, 0, DeviceEntry.tv, 1);
      write(dte, 0, DeviceEntry.mode, 1 + rng.below(4) + rng.below(3));
      write(dte, 0, DeviceEntry.frame, memory.allocate(rng, 1) as never);
      write(dte, 0, DeviceEntry.ir, 1);
      write(dte, 0, DeviceEntry.iw, 1);
      write(dte, 0, DeviceEntry.did, n + 1);
      const found = deviceTables.amdvi.lookup(memory, unit, requester, null);
      const second = "state" in found ? found.second : null;
      if (second !== null && second.inputBits >= 30) {
        const options = {
          superpages: rng.below(3) > 0,
          encodedSizes: rng.below(2) === 0,
          skipLevels: rng.below(2) === 0,
        };
        worth.set(requester, mapRandomly(memory, rng, second, kept, options).worth);
      }
      const kind = rng.below(24);
      if (kind === 0) write(dte, 0, DeviceEntry.v, 0);
      if (kind === 1) write(dte, 0, DeviceEntry.tv, 0);
      if (kind === 2) write(dte, 0, DeviceEntry.mode, 0);
      if (kind === 3) write(dte, 0, DeviceEntry.mode, 7);
      if (kind === 4) write(dte, 0, DeviceEntry.ir, 0);
      if (kind === 5) write(dte, 0, DeviceEntry.iw, 0);
      if (kind === 6) dte[rng.below(8)]! ^= 2 ** rng.below(32);
    }
    const tables = memory.tables.filter((t) => !devices.has(t));
    if (tables.length > 0) spoil(memory, rng, tables, kept, rng.below(60));
    return { unit, worth };
  }

  load(unit: UnitRoot): string[] {
    return [
      `writeq ${at(devtab)} 0x${(unit.root + tablePages - 1).toString(16)}`,
      `writeq ${at(control)} 0x${enable.toString(16)}`,
      ...this.forget(),
    ];
  }

  forget(): string[] {
    this.#commands = (this.#commands + roundBytes) % queueBytes;
    return [`writeq ${at(cmdTail)} 0x${this.#commands.toString(16)}`];
  }

  async faults(qtest: Qtest): Promise<SeenFault[]> {
    const produced = Number((await qtest.ask(`readq ${at(evtTail)}`)) & 0x7fff0n);
    const seen: SeenFault[] = [];
    const words = new BigUint64Array(2);
    for (; this.#consumed !== produced; this.#consumed = (this.#consumed + 16) % queueBytes) {
      qtest.readRam(eventsAt + this.#consumed, new Uint8Array(words.buffer));
      const head = words[0]!;
      const code = Number(head >> 60n);
      // Flags are bits 59:48; RW is the sixth of them. Source: 48882, 2.5.
      const write = code === 2 ? ((head >> 53n) & 1n) === 1n : null;
      seen.push({ code, requester: Number(head & 0xffffn), address: words[1]!, write });
    }
    await qtest.send([`writeq ${at(evtHead)} 0x${produced.toString(16)}`]);
    return seen;
  }
}
