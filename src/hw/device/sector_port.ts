/**
 * A disk without DMA: the CPU carries each sector through the data port, four bytes at a time.
 *
 * Source: ATA/ATAPI-6, 9.5 and 9.6 (PIO data-in and data-out commands).
 */
import { read, write } from "../../bits/index.js";
import { RegisterFile, type Registers } from "../../bus/registers.js";
import { AtaCommand, AtaStatus, ataRegisters } from "../../spec/ata/registers.js";
import { blockBytes } from "./disk.js";

const { data } = ataRegisters.registers;

export class SectorPort implements Registers {
  readonly #medium: Uint8Array;
  readonly #registers = new RegisterFile(ataRegisters, { written: (r) => this.#written(r.name) });
  readonly #words = new Uint32Array(blockBytes / 4);
  readonly #status = new Uint32Array(1);
  /** Words of the sector at hand that went through the port. */
  #next = 0;

  /** @param medium what is on the disk; blocks of 512 bytes */
  constructor(medium: Uint8Array) {
    this.#medium = medium;
  }

  read32(offset: number): number {
    if (offset !== data.offset || read(this.#status, 0, AtaStatus.dataRequest) === 0) {
      return this.#registers.read32(offset);
    }
    const word = this.#words[this.#next]!;
    this.#moved();
    return word;
  }

  write32(offset: number, value: number): void {
    if (offset !== data.offset) this.#registers.write32(offset, value);
    else if (read(this.#status, 0, AtaStatus.dataRequest) === 1) {
      this.#words[this.#next] = value;
      this.#moved();
    }
  }

  get #stores(): boolean {
    return this.#registers.get("command") === AtaCommand.writeSector;
  }

  #moved(): void {
    this.#next++;
    if (this.#next < this.#words.length) return;
    if (this.#stores) this.#medium.set(new Uint8Array(this.#words.buffer), this.#registers.get("sector") * blockBytes);
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
    this.#next = 0;
    this.#say(0, 1);
  }

  #say(error: 0 | 1, dataRequest: 0 | 1): void {
    write(this.#status, 0, AtaStatus.error, error);
    write(this.#status, 0, AtaStatus.dataRequest, dataRequest);
    this.#registers.set("status", this.#status[0]!);
  }
}
