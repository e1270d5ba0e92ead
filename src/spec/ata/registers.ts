/**
 * ATA: the registers of a disk without DMA, each widened to 32 bits, with a 32-bit data port.
 *
 * Source: ATA/ATAPI-6, 7 (registers), 8.35 and 8.63 (READ SECTOR(S) EXT, WRITE SECTOR(S) EXT).
 */
import { bit, layout, register, registerMap } from "../../bits/index.js";

export const ataRegisters = registerMap(
  { title: "ATA disk", source: "ATA/ATAPI-6, 7", byteCount: 0x14 },
  {
    data: register(0x00, "rw", "the next four bytes of a sector"),
    sector: register(0x04, "rw", "LBA of the sector, low 32 bits"),
    command: register(0x0c, "rw", "AtaCommand; a write begins it"),
    status: register(0x10, "ro", "AtaStatus"),
  },
);

export const AtaCommand = { readSector: 0x24, writeSector: 0x34 } as const;

export const AtaStatus = layout(
  {
    title: "ATA status",
    source: "ATA/ATAPI-6, 7.15",
    bitCount: 32,
    ignored: [
      [2, 1],
      [31, 4],
    ],
  },
  { error: bit(0, "ERR: the command failed"), dataRequest: bit(3, "DRQ: the data port is to be read or written") },
);
