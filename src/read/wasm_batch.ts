/** Batches in the memory of a module of WebAssembly, which lays their columns out as wasm/shared/columns.ts says. */
import type { WasmGlobal, WasmMemory } from "../base/wasm.js";
import { type ColumnLay, EventBatch } from "./event.js";

/** What every module exports that fills batches: where each column begins, under its name, and these. */
export interface BatchExports {
  readonly capacity: WasmGlobal;
  readonly listCapacity: WasmGlobal;
  readonly listDmaUsed: WasmGlobal;
  readonly listPhysUsed: WasmGlobal;
  useLists(dmaEntries: number, physEntries: number): void;
}

/** @param at where in the memory the batch begins. */
export function wasmBatch(exports: BatchExports, memory: WasmMemory, at: number): EventBatch {
  const columns = exports as unknown as Readonly<Record<string, WasmGlobal>>;
  const lay: ColumnLay = (column) => [memory.buffer, at + columns[column]!.value];
  return new EventBatch(exports.capacity.value, lay, exports.listCapacity.value);
}
