/** QEMU's answers kept in files: tables, accesses and what became of them, to be asked again without QEMU. */
import { gunzipSync, gzipSync } from "node:zlib";
import type { UnitRoot } from "../../src/table/device/index.js";
import { held, type Judged, type Seen } from "./judge.js";
import { type Outcome, reaches } from "./predict.js";
import { TestMemory } from "./test_memory.js";
import type { SeenFault, UnitRules } from "./unit_driver.js";

/** One access: requester, address, write, what was seen, faults as code, address and write. */
type Answer = readonly [
  requester: number,
  address: string,
  write: 0 | 1,
  /** A read: the 8 bytes. A write: the place at which the bytes were found. null: nothing. */
  seen: string | null,
  faults: readonly (readonly [code: number, address: string | null, write: boolean | null])[],
];

export interface World {
  readonly unit: UnitRoot;
  /** Entries that are not zero, by the address of their frame: index in it, low word, high word, and so on. */
  readonly entries: Readonly<Record<string, readonly number[]>>;
  readonly answers: readonly Answer[];
}

export interface Recording {
  readonly qemu: string;
  readonly name: string;
  readonly rules: UnitRules;
  readonly ramBase: number;
  readonly worlds: readonly World[];
}

const hex = (n: number | bigint) => `0x${n.toString(16)}`;

export function worldOf(memory: TestMemory, unit: UnitRoot, probes: readonly Judged[]): World {
  const entries: Record<string, number[]> = {};
  for (const table of memory.tables) {
    const list: number[] = [];
    for (let at = table; at < table + 4096; at += 8) {
      const index = memory.index(at);
      const [low, high] = [memory.words[index]!, memory.words[index + 1]!];
      if ((low | high) !== 0) list.push((at - table) / 8, low, high);
    }
    if (list.length > 0) entries[hex(table)] = list;
  }
  const answers = probes.map(({ requester, address, write, outcome, seen }): Answer => {
    const faults = seen.faults.map((f) => [f.code, f.address === null ? null : hex(f.address), f.write] as const);
    return [requester, hex(address), write ? 1 : 0, kept(write, outcome, seen), faults];
  });
  return { unit, entries, answers };
}

function kept(write: boolean, outcome: Outcome, seen: Seen): string | null {
  if (seen.data === null) return null;
  if (!write) return hex(seen.data);
  return reaches(outcome) && seen.data === seen.right ? hex(outcome.reaches) : null;
}

/** The tables of a world, in a memory like the one in which QEMU had them. */
export function memoryOf({ ramBase }: Recording, { entries }: World): TestMemory {
  const memory = new TestMemory(ramBase);
  for (const [table, list] of Object.entries(entries)) {
    for (let n = 0; n < list.length; n += 3) {
      const index = memory.index(Number(table) + list[n]! * 8);
      memory.words[index] = list[n + 1]!;
      memory.words[index + 1] = list[n + 2]!;
    }
  }
  return memory;
}

/** What QEMU did, as it is compared with an outcome of today. */
export function seenAgain(memory: TestMemory, [, , write, seen, faults]: Answer, outcome: Outcome): Seen {
  const again: SeenFault[] = faults.map(([code, address, w]) => {
    return { code, address: address === null ? null : BigInt(address), write: w, requester: 0 };
  });
  if (!reaches(outcome)) return { faults: again, data: seen === null ? null : BigInt(seen), right: null };
  if (write === 1) return { faults: again, data: BigInt(seen ?? -1), right: BigInt(outcome.reaches) };
  const right = held(memory, memory.index(outcome.reaches));
  return { faults: again, data: seen === null ? null : BigInt(seen), right };
}

export const packed = (recording: Recording) => gzipSync(JSON.stringify(recording), { level: 9 });
export const unpacked = (bytes: Uint8Array) => JSON.parse(gunzipSync(bytes).toString()) as Recording;
