/** What watches the DMA API: called at each call of a driver, before and after the engine acts. */
import type { Direction } from "../../spec/dma/direction.js";
import type { Coherent, DmaDevice, Engine, Mapped, MappedRange } from "../engine/index.js";
import type { ListEntry, MappedList } from "./list.js";

/** How memory was mapped; the kernel's words: single (today: phy), scatter-gather, coherent. */
export type MapKind = "single" | "list" | "coherent";

export interface MapCall extends ListEntry {
  readonly direction: Direction;
  readonly attributes: number;
}

export interface DmaChecks {
  /** A call with a direction that says nothing. */
  misdirected(device: DmaDevice, call: string): void;
  /** A single mapping was made, or refused. */
  mapped(device: DmaDevice, engine: Engine, call: MapCall, mapped: Mapped): void;
  /** A list is about to be mapped, and was. */
  mappingList(device: DmaDevice, entries: readonly ListEntry[], direction: Direction, attributes: number): void;
  mappedList(device: DmaDevice, engine: Engine, list: MappedList, direction: Direction, attributes: number): void;
  /** About to be unmapped, and done. */
  unmapping(device: DmaDevice, kind: MapKind, range: MappedRange, entries: number): void;
  unmapped(device: DmaDevice, kind: MapKind, range: MappedRange): void;
  unmappedList(list: MappedList): void;
  syncing(device: DmaDevice, kind: MapKind, range: MappedRange, towards: "cpu" | "device", entries: number): void;
  synced(device: DmaDevice, kind: MapKind, range: MappedRange, towards: "cpu" | "device"): void;
  allocated(device: DmaDevice, engine: Engine, at: Coherent, size: number): void;
  freeing(device: DmaDevice, at: Coherent, size: number): void;
  /** The driver asked whether a mapping failed. */
  errorChecked(device: DmaDevice, bus: number): void;
  /** The driver lets go of its device. */
  unbound(device: DmaDevice): void;
}

const calls: Readonly<Record<keyof DmaChecks, true>> = {
  ...{ misdirected: true, mapped: true, mappingList: true, mappedList: true, unmapping: true, unmapped: true },
  ...{ unmappedList: true, syncing: true, synced: true, allocated: true, freeing: true, errorChecked: true },
  unbound: true,
};

/** Checks that one who watches hears of before others do. */
export function heardBy(first: Partial<DmaChecks>, then: DmaChecks | null): DmaChecks {
  type Call = (...given: unknown[]) => void;
  const call = (name: string): Call => {
    const [a, b] = [first, then].map((o) => (o as Record<string, Call | undefined> | null)?.[name]);
    return (...given) => {
      a?.apply(first, given);
      b?.apply(then, given);
    };
  };
  return Object.fromEntries(Object.keys(calls).map((name) => [name, call(name)])) as unknown as DmaChecks;
}
