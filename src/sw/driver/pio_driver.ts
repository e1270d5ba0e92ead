/**
 * The driver of a disk without DMA: the CPU carries every sector through the data register. No bus address exists, so
 * it works under every memory model; D3 names such drivers as the ones that need no change.
 *
 * Source: ATA/ATAPI-6, 9.5 and 9.6 (PIO data-in and data-out commands).
 */
import type { ByteMemory } from "../../mem/byte_memory.js";
import type { Bio } from "./disk_driver.js";

/** The data register of the disk, one sector at a time. */
export interface SectorPort {
  /** @returns false for a sector that the disk does not have. */
  readSector(block: number, into: Uint8Array): boolean;
  writeSector(block: number, from: Uint8Array): boolean;
}

const sectorBytes = 512;

export class PioDriver {
  readonly #memory: ByteMemory;
  readonly #disk: SectorPort;
  readonly #waiting: Bio[] = [];
  /** Sectors of the first one that were moved. */
  #moved = 0;
  readonly #sector = new Uint8Array(sectorBytes);

  constructor(o: { memory: ByteMemory; disk: SectorPort }) {
    this.#memory = o.memory;
    this.#disk = o.disk;
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
    const there = bio.toDisk ? this.#disk.writeSector(block, this.#sector) : this.#disk.readSector(block, this.#sector);
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
