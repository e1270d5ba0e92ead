/**
 * The words of a block's registers as declared state: a cell for each word of a register, none for what lies between
 * them. Blocks of 64 KiB with thirty registers are usual, and an explored machine compares all that it declares.
 */
import type { Register, RegisterMap } from "../bits/register_map.js";
import { type Cells, cells, type Elements, type RecordType, record } from "../state/record.js";

export interface RegisterCells {
  readonly type: RecordType<{ readonly words: Cells }>;
  /** The register of each cell. */
  readonly registerOf: readonly Register[];
  /** @param offset bytes from the base, a multiple of 4 @returns the cell's index; -1 where no register is */
  indexOf(offset: number): number;
}

/** Made once for each map: machines that are explored are built often. */
const known = new WeakMap<RegisterMap, RegisterCells>();

export function registerCells(map: RegisterMap): RegisterCells {
  let found = known.get(map);
  if (found === undefined) {
    found = made(map);
    known.set(map, found);
  }
  return found;
}

function made(map: RegisterMap): RegisterCells {
  const registerOf: Register[] = [];
  const elements: Elements[number][] = [];
  /** Index plus one, by offset / 4; 0 where no register is. */
  const indexes = new Uint16Array(map.byteCount / 4);
  for (const r of Object.values(map.registers)) {
    const countsAs = elements.length;
    for (let at = r.offset; at < r.offset + r.bytes; at += 4) {
      elements.push({ name: at === r.offset ? r.name : `${r.name} (high)`, doc: r.doc, countsAs });
      indexes[at / 4] = registerOf.push(r);
    }
  }
  const type = record(`${map.title} registers`, {
    words: cells(registerOf.length, "registers, word by word", elements),
  });
  return { type, registerOf, indexOf: (offset) => (indexes[offset / 4] ?? 0) - 1 };
}
