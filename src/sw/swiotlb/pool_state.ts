/** What a pool's later searches depend on, declared: which slots are free, what holds the others, what each area uses. */
import { MachineState, type RawRecord } from "../../state/index.js";
import { cells, record } from "../../state/record.js";

/** Cells of one allocation's record, at four times its first slot. */
export const recordWordsLg2 = 2;

export interface PoolState {
  readonly machine: MachineState;
  readonly free: RawRecord;
  readonly records: RawRecord;
  readonly use: RawRecord<UseCells>;
}

const useCells = (areas: number) => ({
  indexes: cells(areas, "where the next search of an area begins, relative to the area"),
  usedByArea: cells(areas, "slots in use by allocations that begin in an area"),
});
type UseCells = ReturnType<typeof useCells>;

/**
 * @param o.freeWords words of 32 free bits, whole slot sets
 * @param state where the pool is a part of a machine; null for one that stands alone
 */
export function placePool(
  o: { readonly start: number; readonly freeWords: number; readonly areas: number },
  state: MachineState | null,
): PoolState {
  const within = state ?? new MachineState();
  const name = `swiotlb pool at 0x${o.start.toString(16)}`;
  const free = record(`${name}, free slots`, { bits: cells(o.freeWords, "slots, one bit each: set while it is free") });
  const records = record(`${name}, allocations`, {
    words: cells(o.freeWords << (5 + recordWordsLg2), "slots, bytes, padding and tag, four to each slot"),
  });
  return {
    machine: within,
    free: within.placeRaw(free),
    records: within.placeRaw(records),
    use: within.placeRaw(record(`${name}, use`, useCells(o.areas))),
  };
}
