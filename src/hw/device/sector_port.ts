/**
 * A disk without DMA: the CPU carries each sector through the data port, four bytes at a time.
 *
 * Source: ATA/ATAPI-6, 9.5 and 9.6 (PIO data-in and data-out commands).
 */
import { RegisterFile, type Registers } from "../../bus/registers.js";
import { AtaCommand, AtaStatus, ataRegisters } from "../../spec/ata/registers.js";
import { MachineState } from "../../state/machine_state.js";
import { cell, cells, type Live, record } from "../../state/record.js";
import { blockBytes } from "./disk.js";

const { data } = ataRegisters.registers;

const PortState = record("sector port", {
  sector: cells(blockBytes / 4, "the sector at hand, four bytes each"),
  next: cell("words of it that went through the port"),
});

export class SectorPort implements Registers {
  readonly #medium: Uint8Array;
  readonly #registers: RegisterFile<keyof typeof ataRegisters.registers>;
  readonly #s: Live<typeof PortState.drafts>;
  readonly #words = new Uint32Array(blockBytes / 4);

  /** @param medium what is on the disk; blocks of 512 bytes */
  constructor(medium: Uint8Array, state: MachineState = new MachineState()) {
    this.#medium = medium;
    this.#s = state.place(PortState);
    this.#registers = new RegisterFile(ataRegisters, { state, written: (r) => this.#written(r.name) });
  }

  read32(offset: number): number {
    if (offset !== data.offset || !this.#isMoving) return this.#registers.read32(offset);
    const word = this.#s.sector.get(this.#s.next);
    this.#moved();
    return word;
  }

  write32(offset: number, value: number): void {
    if (offset !== data.offset) this.#registers.write32(offset, value);
    else if (this.#isMoving) {
      this.#s.sector.set(this.#s.next, value >>> 0);
      this.#moved();
    }
  }

  get #isMoving(): boolean {
    return this.#registers.read("status", AtaStatus.dataRequest) === 1;
  }

  get #stores(): boolean {
    return this.#registers.get("command") === AtaCommand.writeSector;
  }

  #moved(): void {
    const s = this.#s;
    s.next++;
    if (s.next < s.sector.length) return;
    if (this.#stores) {
      s.sector.copyTo(this.#words);
      this.#medium.set(new Uint8Array(this.#words.buffer), this.#registers.get("sector") * blockBytes);
    }
    this.#say(0, 0);
  }

  #written(name: string): void {
    if (name !== "command") return;
    const from = this.#registers.get("sector") * blockBytes;
    if (from + blockBytes > this.#medium.length) {
      this.#say(1, 0);
      return;
    }
    new Uint8Array(this.#words.buffer).set(this.#medium.subarray(from, from + blockBytes));
    this.#s.sector.copyFrom(this.#words);
    this.#s.next = 0;
    this.#say(0, 1);
  }

  #say(error: 0 | 1, dataRequest: 0 | 1): void {
    this.#registers.write("status", AtaStatus.error, error);
    this.#registers.write("status", AtaStatus.dataRequest, dataRequest);
  }
}
