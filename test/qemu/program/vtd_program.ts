/** Programs of VT-d: descriptors of 128 bits in legacy mode, of 256 in scalable mode; its one fault record, word by word. */
import { composed } from "../../../src/bits/composed.js";
import { write } from "../../../src/bits/field.js";
import type { CacheSizes } from "../../../src/hw/iommu/core/caches.js";
import { VtdUnit } from "../../../src/hw/iommu/vtd/vtd_unit.js";
import { ContextEntry, ScalableContextEntry } from "../../../src/spec/vtd/context_entry.js";
import * as D from "../../../src/spec/vtd/descriptors.js";
import { PasidDirectoryEntry, PasidEntry, PasidTranslation } from "../../../src/spec/vtd/pasid.js";
import { RootEntry } from "../../../src/spec/vtd/root_entry.js";
import { MachineState } from "../../../src/state/machine_state.js";
import type { TableRoot } from "../../../src/table/index.js";
import type { UnderTest } from "../machines.js";
import { vtdBase } from "../vtd_driver.js";
import { largeCaches } from "./large_caches.js";
import type { Domain, FaultReader, ProgramUnit } from "./program_unit.js";
import { type Act, Twin } from "./twin.js";

const faultClear = 0x8000_0000;
const words = (value: bigint): [number, number] => [Number(value & 0xffff_ffffn), Number(value >> 32n)];

export class VtdProgram implements ProgramUnit {
  readonly name: string;
  readonly state = new MachineState();
  readonly recordsFaults = true;
  readonly rights = [1, 2, 3];
  readonly twin: Twin;
  readonly #unit: VtdUnit;
  readonly #scalable: boolean;
  readonly #root: number;
  readonly #queue: number;
  readonly #statusAt: number;
  /** By bus: the frame of its context table. By device: the address of its PASID table. */
  readonly #contexts = new Map<number, number>();
  readonly #pasids = new Map<number, number>();
  readonly #posted: Uint32Array[] = [];
  #domains = 0;
  #tail = 0;
  #waits = 0;

  private constructor(twin: Twin, scalable: boolean, capabilities: readonly bigint[], caches: CacheSizes) {
    this.twin = twin;
    this.name = scalable ? "VT-d scalable" : "VT-d legacy";
    this.#scalable = scalable;
    this.#unit = new VtdUnit({
      ...{ state: this.state, memory: twin.memory, messages: { send: () => undefined } },
      ...{ capability: words(capabilities[0]!), extendedCapability: words(capabilities[1]!) },
      ...{ outputBits: 48, caches },
    });
    this.#root = twin.allocate() * 4096;
    this.#queue = twin.allocate() * 4096;
    this.#statusAt = twin.allocate() * 4096;
  }

  static async of(machine: UnderTest, scalable: boolean, caches = largeCaches): Promise<VtdProgram> {
    const twin = new Twin(machine, vtdBase);
    const unit = new VtdProgram(twin, scalable, await twin.ask([0x08, 0x10]), caches);
    const { registers } = unit.#unit;
    twin.write64(registers, "rtaddr", unit.#root + (scalable ? 0x400 : 0));
    twin.write32(registers, "gcmd", 0x4000_0000);
    twin.write64(registers, "iqa", unit.#queue + (scalable ? 0x800 : 0));
    twin.write32(registers, "gcmd", 0x0400_0000);
    twin.write32(registers, "gcmd", 0x8400_0000);
    await twin.settle();
    return unit;
  }

  get caches() {
    return this.#unit.caches;
  }

  get transaction() {
    return this.#unit.transactions[0]!;
  }

  domain(): Domain {
    const { twin } = this;
    const address = twin.allocate() * 4096;
    const root: TableRoot = {
      ...{ format: "vtd-ss", address, level: 3, inputBits: 48, upper: "zero", outputBits: 48, allow: 3 },
    };
    return { mapper: twin.mapper(root), tag: ++this.#domains };
  }

  attach(requester: number, domain: Domain | null): void {
    const { twin } = this;
    const p = domain === null ? 0 : 1;
    const top = domain === null ? 0 : domain.mapper.root.address / 4096;
    const at = this.entryAt(requester);
    if (!this.#scalable) {
      twin.store(at, 4, (w) => {
        write(w, 0, ContextEntry.p, p);
        write(w, 0, ContextEntry.frame, top);
        write(w, 0, ContextEntry.aw, 2);
        write(w, 0, ContextEntry.did, domain?.tag ?? 0);
      });
      return;
    }
    twin.store(at, 16, (w) => {
      write(w, 0, PasidEntry.p, p);
      write(w, 0, PasidEntry.pgtt, PasidTranslation.second);
      write(w, 0, PasidEntry.aw, 2);
      write(w, 0, PasidEntry.ssFrame, top as never);
      write(w, 0, PasidEntry.did, domain?.tag ?? 0);
    });
  }

  forgetPages(domain: Domain, frame: number, lg2: number): void {
    this.#iotlb(3, domain.tag, frame, lg2);
  }

  forgetDomain(domain: Domain): void {
    this.#iotlb(2, domain.tag, 0, 0);
  }

  /** In the order of 6.5.3: the entry, then translations of the domain that it named. */
  forgetDevice(requester: number, domain: Domain): void {
    const { g, did, sid, type } = D.ContextInvalidate;
    this.#post((w) => {
      write(w, 0, type, D.DescriptorType.context);
      write(w, 0, g, 3);
      write(w, 0, did, this.#scalable ? 0 : domain.tag);
      write(w, 0, sid, requester);
    });
    if (this.#scalable) this.#forgetPasids(domain);
    this.forgetDomain(domain);
  }

  forgetAll(): void {
    const { g, type } = D.ContextInvalidate;
    this.#post((w) => {
      write(w, 0, type, D.DescriptorType.context);
      write(w, 0, g, 1);
    });
    if (this.#scalable) this.#forgetPasids(null);
    this.#iotlb(1, 0, 0, 0);
  }

  ring(): void {
    for (const act of this.asking(this.#posted.splice(0))) this.twin.perform(act, this.registers);
    this.work();
  }

  get registers() {
    return this.#unit.registers;
  }

  /** Our unit does what it was asked to do. */
  work(): void {
    while (this.#unit.queue.choices() > 0) this.#unit.queue.step();
  }

  /** What software does to have descriptors carried out: they stand in the queue, a wait behind them, and the tail says so. */
  asking(descriptors: readonly Uint32Array[]): Act[] {
    const I = D.InvalidationWait;
    const wait = composed(4, [
      [I.type, D.DescriptorType.wait],
      [I.sw, 1],
      [I.data, ++this.#waits],
      [I.at, this.#statusAt],
    ]);
    const bytes = this.#scalable ? 32 : 16;
    const stores = [...descriptors, wait].map((descriptor) => {
      const words = new Uint32Array(bytes / 4);
      words.set(descriptor);
      const address = this.#queue + this.#tail;
      this.#tail = (this.#tail + bytes) % 4096;
      return { kind: "store", address, words } as const;
    });
    return [
      ...stores,
      { kind: "register", offset: this.registers.map.registers.iqt.offset, value: this.#tail, bits: 64 },
    ];
  }

  /** Where the entry stands that points a device at a table: a context entry, or in scalable mode the first of its PASID table. */
  entryAt(requester: number): number {
    const context = this.#contextTable(requester >>> 8);
    return this.#scalable ? this.#pasidTable(requester, context) : context + (requester & 0xff) * 16;
  }

  /** Address of the root table. */
  get root(): number {
    return this.#root;
  }

  async progress(): Promise<[string, string]> {
    const { registers } = this.#unit.registers.map;
    const [head, status] = await this.twin.ask([registers.iqh.offset, registers.fsts.offset]);
    const ours = [this.#unit.registers.get("iqh"), this.#unit.registers.get("fsts")];
    const stored = this.twin.memory.load32(this.#statusAt);
    const qemuStored = this.twin.qemuWords(this.#statusAt, 1)[0]!;
    return [
      `IQH ${ours[0]}, FSTS ${ours[1]}, status ${stored}`,
      `IQH ${head}, FSTS ${status! & 0xffff_ffffn}, status ${qemuStored}`,
    ];
  }

  ourFaults(): string[] {
    const { registers } = this.#unit;
    const { fault, faultHigh, fsts } = registers.map.registers;
    const w = new Uint32Array(4);
    registers.read64(fault.offset, w.subarray(0, 2));
    registers.read64(faultHigh.offset, w.subarray(2));
    registers.write32(faultHigh.offset + 4, faultClear);
    registers.write32(fsts.offset, 1);
    const word = (n: number) => (BigInt(w[n + 1]!) << 32n) | BigInt(w[n]!);
    return textOf(word(0), word(2));
  }

  get qemuFaults(): FaultReader {
    const { twin } = this;
    const { fault, faultHigh, fsts } = this.registers.map.registers;
    const reads = [fault, faultHigh].map(({ offset }) => twin.asking(offset, 64));
    return {
      ask: [...reads, twin.telling32(faultHigh.offset + 4, faultClear), twin.telling32(fsts.offset, 1)],
      taken: ([low, high]) => ({ texts: textOf(BigInt(low!), BigInt(high!)), tell: [] }),
    };
  }

  #iotlb(g: number, did: number, page: number, am: number): void {
    const I = D.IotlbInvalidate;
    this.#post((w) => {
      write(w, 0, I.type, D.DescriptorType.iotlb);
      write(w, 0, I.g, g);
      write(w, 0, I.did, did);
      write(w, 0, I.page, page as never);
      write(w, 0, I.am, am);
    });
  }

  /** null: all. */
  #forgetPasids(domain: Domain | null): void {
    const I = D.PasidCacheInvalidate;
    this.#post((w) => {
      write(w, 0, I.type, D.DescriptorType.pasidCache);
      write(w, 0, I.g, domain === null ? 3 : 0);
      write(w, 0, I.did, domain?.tag ?? 0);
    });
  }

  #post(set: (w: Uint32Array) => void): void {
    const words = new Uint32Array(4);
    set(words);
    this.#posted.push(words);
  }

  /** In scalable mode that of devices below 16. */
  #contextTable(bus: number): number {
    let table = this.#contexts.get(bus);
    if (table === undefined) {
      table = this.twin.allocate() * 4096;
      this.#contexts.set(bus, table);
      this.twin.store(this.#root + bus * 16, 4, (w) => {
        write(w, 0, RootEntry.p, 1);
        write(w, 0, RootEntry.frame, (table! / 4096) as never);
      });
    }
    return table;
  }

  #pasidTable(requester: number, context: number): number {
    let table = this.#pasids.get(requester);
    if (table === undefined) {
      const directory = this.twin.allocate();
      table = this.twin.allocate() * 4096;
      this.#pasids.set(requester, table);
      this.twin.store(directory * 4096, 2, (w) => {
        write(w, 0, PasidDirectoryEntry.p, 1);
        write(w, 0, PasidDirectoryEntry.frame, (table! / 4096) as never);
      });
      this.twin.store(context + (requester & 0x7f) * 32, 8, (w) => {
        write(w, 0, ScalableContextEntry.p, 1);
        write(w, 0, ScalableContextEntry.frame, directory as never);
      });
    }
    return table;
  }
}

/** Both halves of a record as they stand, if there is one. PV has a meaning only where PP is 1 (11.4.14.2). */
function textOf(low: bigint, high: bigint): string[] {
  if (high >> 63n === 0n) return [];
  const meant = ((high >> 31n) & 1n) === 1n ? high : high & ~pasidValue;
  return [`${meant.toString(16).padStart(16, "0")} ${low.toString(16)}`];
}

const pasidValue = 0x0fff_ff00_0000_0000n;
