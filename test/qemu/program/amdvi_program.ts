/** Programs of AMD-Vi: a device table, v1 tables, a command buffer. QEMU's event log is not compared: see `known_faults`. */
import { write } from "../../../src/bits/field.js";
import { AmdviUnit } from "../../../src/hw/iommu/amdvi/amdvi_unit.js";
import * as C from "../../../src/spec/amdvi/commands.js";
import { DeviceEntry } from "../../../src/spec/amdvi/device_entry.js";
import { amdviRegisters } from "../../../src/spec/amdvi/register_map.js";
import { MachineState } from "../../../src/state/machine_state.js";
import { Mapper, type TableRoot } from "../../../src/table/index.js";
import { amdviBase } from "../amdvi_driver.js";
import type { UnderTest } from "../machines.js";
import { largeCaches } from "./large_caches.js";
import type { Domain, FaultReader, ProgramUnit } from "./program_unit.js";
import { Twin } from "./twin.js";

const { registers: at } = amdviRegisters;
/** Bytes of both rings: 256 entries. */
const ringBytes = 4096;
const ringLength = 0x0800_0000;
/** Entries of the device ids of bus 0. */
const tablePages = 2;

export class AmdviProgram implements ProgramUnit {
  readonly name = "AMD-Vi";
  readonly state = new MachineState();
  readonly recordsFaults = false;
  readonly rights = [1, 2, 3];
  readonly twin: Twin;
  readonly #unit: AmdviUnit;
  readonly #devices: number;
  readonly #commands: number;
  readonly #statusAt: number;
  #domains = 0;
  #tail = 0;
  #waits = 0;

  private constructor(twin: Twin, features: bigint) {
    this.twin = twin;
    this.#unit = new AmdviUnit({
      ...{ state: this.state, memory: twin.memory, messages: { send: () => undefined } },
      ...{ features: [Number(features & 0xffff_ffffn), Number(features >> 32n)], caches: largeCaches },
    });
    this.#devices = twin.allocate(tablePages) * 4096;
    this.#commands = twin.allocate() * 4096;
    this.#statusAt = twin.allocate() * 4096;
  }

  static async of(machine: UnderTest): Promise<AmdviProgram> {
    const twin = new Twin(machine, amdviBase);
    const [features] = await twin.ask([at.efr.offset]);
    const unit = new AmdviProgram(twin, features!);
    const { registers } = unit.#unit;
    twin.write64(registers, "devtab", unit.#devices + tablePages - 1);
    twin.write64(registers, "cmdbuf", unit.#commands, ringLength);
    twin.write64(registers, "evtlog", twin.allocate() * 4096, ringLength);
    twin.write64(registers, "control", 0x1005);
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
      ...{ format: "amdvi-v1", address, level: 3, inputBits: 48, upper: "zero", outputBits: 48, allow: 3 },
    };
    return { mapper: new Mapper(twin, root, (n) => twin.allocate(n)), tag: ++this.#domains };
  }

  /** A device that is at nothing: valid, with a table that lets nothing pass. */
  attach(requester: number, domain: Domain | null): void {
    const on = domain === null ? 0 : 1;
    this.twin.store(this.#devices + requester * 32, 8, (w) => {
      write(w, 0, DeviceEntry.v, 1);
      write(w, 0, DeviceEntry.tv, 1);
      write(w, 0, DeviceEntry.mode, 4);
      write(w, 0, DeviceEntry.frame, (domain === null ? 0 : domain.mapper.root.address / 4096) as never);
      write(w, 0, DeviceEntry.ir, on);
      write(w, 0, DeviceEntry.iw, on);
      write(w, 0, DeviceEntry.did, domain?.tag ?? 0);
    });
  }

  forgetPages(domain: Domain, frame: number, lg2: number): void {
    const sized = lg2 === 0 ? frame : frame + 2 ** (lg2 - 1) - 1;
    this.#pages(domain, sized, lg2 === 0 ? 0 : 1);
  }

  /** All pages: no zero in the address. */
  forgetDomain(domain: Domain): void {
    this.#pages(domain, 0x7_ffff_ffff_ffff, 1);
  }

  forgetDevice(requester: number, domain: Domain): void {
    this.#post((w) => {
      write(w, 0, C.InvalidateDevice.opcode, C.Opcode.invalidateDevice);
      write(w, 0, C.InvalidateDevice.device, requester);
    });
    this.forgetDomain(domain);
  }

  forgetAll(): void {
    for (const { requester } of this.twin.machine.edus)
      this.#post((w) => {
        write(w, 0, C.InvalidateDevice.opcode, C.Opcode.invalidateDevice);
        write(w, 0, C.InvalidateDevice.device, requester);
      });
    this.#post((w) => write(w, 0, C.InvalidateAll.opcode, C.Opcode.invalidateAll));
  }

  ring(): void {
    const I = C.CompletionWait;
    this.#waits++;
    this.#post((w) => {
      write(w, 0, I.opcode, C.Opcode.completionWait);
      write(w, 0, I.s, 1);
      write(w, 0, I.f, 1);
      write(w, 0, I.at, this.#statusAt / 8);
      write(w, 0, I.dataLow, this.#waits);
    });
    this.twin.write64(this.#unit.registers, "cmdTail", this.#tail);
    while (this.#unit.queue.choices() > 0) this.#unit.queue.step(0);
  }

  async progress(): Promise<[string, string]> {
    const [head] = await this.twin.ask([at.cmdHead.offset]);
    const stored = this.twin.memory.load32(this.#statusAt);
    const qemuStored = this.twin.qemuWords(this.#statusAt, 1)[0]!;
    return [`head ${this.#unit.registers.get("cmdHead")}, status ${stored}`, `head ${head}, status ${qemuStored}`];
  }

  /** Its log is kept empty. */
  ourFaults(): string[] {
    const { registers } = this.#unit;
    registers.write64(at.evtHead.offset, registers.get("evtTail"), 0);
    return [];
  }

  /** None that could be relied on; the log is emptied. */
  get qemuFaults(): FaultReader {
    const { twin } = this;
    return {
      ask: [twin.asking(at.evtTail.offset, 64)],
      taken: ([tail]) => ({ texts: [], tell: [twin.telling32(at.evtHead.offset, Number(BigInt(tail!) & 0x7_fff0n))] }),
    };
  }

  #pages(domain: Domain, page: number, s: 0 | 1): void {
    const I = C.InvalidatePages;
    this.#post((w) => {
      write(w, 0, I.opcode, C.Opcode.invalidatePages);
      write(w, 0, I.did, domain.tag);
      write(w, 0, I.page, page as never);
      write(w, 0, I.s, s);
      write(w, 0, I.pde, 1);
    });
  }

  #post(set: (w: Uint32Array) => void): void {
    this.twin.store(this.#commands + this.#tail, 4, set);
    this.#tail = (this.#tail + 16) % ringBytes;
  }
}
