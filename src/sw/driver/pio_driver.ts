/**
 * The driver of a disk without DMA: the CPU carries every sector through the data register. No bus address exists, so
 * it works under every memory model; D3 names such drivers as the ones that need no change.
 *
 * Source: ATA/ATAPI-6, 9.5 and 9.6 (PIO data-in and data-out commands).
 */

import { read } from "../../bits/index.js";
import type { Registers } from "../../bus/registers.js";
import type { ByteMemory } from "../../mem/byte_memory.js";
import { AtaCommand, AtaStatus, ataRegisters } from "../../spec/ata/registers.js";
import type { Bio } from "./disk_driver.js";

const sectorBytes = 512;
const { command, data, sector: sectorNumber, status } = ataRegisters.registers;

export class PioDriver {
  readonly #memory: ByteMemory;
  readonly #registers: Registers;
  readonly #waiting: Bio[] = [];
  /** Sectors of the first one that were moved. */
  #moved = 0;
  readonly #words = new Uint32Array(sectorBytes / 4);
  readonly #sector = new Uint8Array(this.#words.buffer);

  /** @param o.registers of the disk, laid out as `spec/ata` says */
  constructor(o: { memory: ByteMemory; registers: Registers }) {
    this.#memory = o.memory;
    this.#registers = o.registers;
  }

  get idle(): boolean {
    return this.#waiting.length === 0;
  }

  submit(bio: Bio): void {
    this.#waiting.push(bio);
  }

  ready(): boolean {
    return !this.idle;
  }

  /** Move one sector. */
  step(): void {
    const bio = this.#waiting[0]!;
    const pieces = sectorPieces(bio, this.#moved);
    const block = bio.block + this.#moved;
    if (bio.toDisk) for (const p of pieces) this.#memory.read(p.phys, this.#sector.subarray(p.at, p.at + p.size));
    const there = this.#carry(bio.toDisk, block);
    if (!bio.toDisk && there)
      for (const p of pieces) this.#memory.write(p.phys, this.#sector.subarray(p.at, p.at + p.size));
    this.#moved++;
    const sectors = bio.list.reduce((sum, e) => sum + e.size, 0) / sectorBytes;
    if (there && this.#moved < sectors) return;
    this.#waiting.shift();
    this.#moved = 0;
    bio.done(there ? null : `the disk has no sector ${block}`);
  }

  close(): void {}

  /** One sector through the data port. @returns false for one that the disk does not have. */
  #carry(toDisk: boolean, block: number): boolean {
    const r = this.#registers;
    r.write32(sectorNumber.offset, block);
    r.write32(command.offset, toDisk ? AtaCommand.writeSector : AtaCommand.readSector);
    const answer = Uint32Array.of(r.read32(status.offset));
    if (read(answer, 0, AtaStatus.dataRequest) === 0) return false;
    for (let n = 0; n < this.#words.length; n++) {
      if (toDisk) r.write32(data.offset, this.#words[n]!);
      else this.#words[n] = r.read32(data.offset);
    }
    return true;
  }
}

/** Where in memory the n-th sector of a transfer lies; it may begin in one entry and end in the next. */
function sectorPieces(bio: Bio, n: number): { phys: number; at: number; size: number }[] {
  const pieces: { phys: number; at: number; size: number }[] = [];
  let from = n * sectorBytes;
  let at = 0;
  for (const e of bio.list) {
    if (from < e.size) {
      const size = Math.min(e.size - from, sectorBytes - at);
      pieces.push({ phys: e.phys + from, at, size });
      at += size;
      from = 0;
      if (at === sectorBytes) break;
    } else from -= e.size;
  }
  return pieces;
}
