/**
 * The lines that most lines are like, read by a module of WebAssembly (wasm/ftrace_lines.ts) that fills the same columns as
 * `TextSource` does, and stops before any other line. What a word means it is told once; all it decides by itself is how
 * numbers are read.
 */
import { assert } from "../../base/assert.js";
import { ftraceLines } from "../../base/wasm/ftrace_lines.js";
import { startWasm, type WasmGlobal, type WasmMemory } from "../../base/wasm.js";
import { type EventBatch, EventKind } from "../event.js";
import { lineBufferBytes } from "../line_blocks.js";
import { type BatchExports, wasmBatch } from "../wasm_batch.js";
import { type EventForm, formNames, forms } from "./event_form.js";
import type { LineNames } from "./line_names.js";
import { probeNumber } from "./probe_fields.js";
import { waitingEvents } from "./time_order.js";
import { attributes, numberOf, roles, step, words } from "./words.js";

interface Exports extends BatchExports {
  readonly end: WasmGlobal;
  readonly block: WasmGlobal;
  readonly forms: WasmGlobal;
  readonly firstBatch: WasmGlobal;
  readonly secondBatch: WasmGlobal;
  readonly at: WasmGlobal;
  readonly known: WasmGlobal;
  readonly reason: WasmGlobal;
  readonly wordFrom: WasmGlobal;
  readonly wordTo: WasmGlobal;
  readonly directionsSet: WasmGlobal;
  read(from: number, to: number, batch: number, count: number, most: number): number;
  learn(reason: number, number: number): void;
  forget(): void;
}

/** Why it stopped, as wasm/shared/stop.ts numbers it. */
const Reason = { nothing: 0, oddForm: 1, newTask: 2, newDevice: 3, newName: 4, newKey: 5, newAttribute: 6 } as const;

/** What its memory is enough for, `end` of what it exports included. */
const memoryBytes = 20 << 20;
const wordsOfForm = 4;

/** Numbers of names that are no form's: events that are `other`, and those that the host reads. */
const notListed = -1;
const hostReads = -2;

const formWords = words(formNames);
const believed = { set: 0, unset: 1, coherent: 2 } as const;

/** One that no recording is being read by: what it has in memory takes longer to get than a short recording to read. */
let spare: FastLines | null = null;

export class FastLines {
  /** Where lines are put, `lineBufferBytes` of them, and the batches that are filled. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly batches: readonly [EventBatch, EventBatch];
  /** Where the first line is that was not read. */
  at = 0;
  /** How many of the events read are listed ones. */
  known = 0;
  /** Whether it stopped at a word that it does not know. */
  #asked = false;
  readonly #exports: Exports;
  readonly #block: number;

  /** @returns one that knows no words; null where the engine cannot run it. */
  static start(): FastLines | null {
    const idle = spare;
    spare = null;
    if (idle !== null) return idle;
    const started = startWasm<Exports>(ftraceLines, memoryBytes);
    return started === null ? null : new FastLines(started.exports, started.memory);
  }

  private constructor(exports: Exports, memory: WasmMemory) {
    assert(exports.end.value <= memoryBytes, "the module's memory holds all that it lays out");
    assert(exports.capacity.value === waitingEvents, "the module's batches hold the events that wait");
    this.#exports = exports;
    this.#block = exports.block.value;
    this.bytes = new Uint8Array(memory.buffer, this.#block, lineBufferBytes);
    this.batches = [
      wasmBatch(exports, memory, exports.firstBatch.value),
      wasmBatch(exports, memory, exports.secondBatch.value),
    ];
    const table = new Int32Array(memory.buffer, exports.forms.value, forms.length * wordsOfForm);
    for (const [i, { kind, opening, direction, required }] of forms.entries()) {
      table.set([kind, opening + 4 * believed[direction], required], i * wordsOfForm);
    }
  }

  /** Its recording is read, and nobody looks at its memory any more: the next one may have it. */
  release(): void {
    this.#exports.forget();
    this.directionsSet = false;
    for (const batch of this.batches) batch.clear();
    spare = this;
  }

  /** Tell that the recording sets the direction of allocations, or ask whether it has shown so. */
  get directionsSet(): boolean {
    return this.#exports.directionsSet.value !== 0;
  }

  set directionsSet(set: boolean) {
    this.#exports.directionsSet.value = set ? 1 : 0;
  }

  /**
   * Append events to the batch from the lines of bytes [from, to), each of which ends within, until one line is for the
   * host, or the batch is full.
   * @returns how many events the batch has then; its own count is left as it is.
   */
  read(from: number, to: number, batch: EventBatch): number {
    const exports = this.#exports;
    const block = this.#block;
    exports.useLists(batch.listDmaUsed, batch.listPhysUsed);
    const count = exports.read(block + from, block + to, batch.time.byteOffset, batch.count, batch.capacity);
    batch.listDmaUsed = exports.listDmaUsed.value;
    batch.listPhysUsed = exports.listPhysUsed.value;
    this.at = exports.at.value - block;
    this.known = exports.known.value;
    this.#asked = exports.reason.value > Reason.oddForm;
    return count;
  }

  /** After the host has read the line at which `read` stopped: remember what it knows of the word that was not known. */
  learn(names: LineNames): void {
    if (!this.#asked) return;
    this.#asked = false;
    const exports = this.#exports;
    const reason = exports.reason.value;
    const from = exports.wordFrom.value - this.#block;
    const to = exports.wordTo.value - this.#block;
    const number = this.#numberOf(reason, from, to, names);
    if (number !== null) exports.learn(reason, number);
  }

  #numberOf(reason: number, from: number, to: number, names: LineNames): number | null {
    switch (reason) {
      case Reason.newTask:
        return orNull(names.knownTask(from, to));
      case Reason.newDevice:
        return orNull(names.knownDevice(from, to));
      case Reason.newName:
        return nameNumber(this.#hash(from, to, colon));
      case Reason.newKey:
        return numberOf(roles, this.#hash(from, to));
      default:
        return orNull(numberOf(attributes, this.#hash(from, to)));
    }
  }

  /** Hash of the word, or of what follows the last `after` in it. */
  #hash(from: number, to: number, after = -1): number {
    let hash = 0;
    for (let at = from; at < to; at++) hash = this.bytes[at] === after ? 0 : step(hash, this.bytes[at]!);
    return hash;
  }
}

const colon = 58;

const orNull = (number: number) => (number < 0 ? null : number);

function nameNumber(hash: number): number {
  const number = numberOf(formWords, hash);
  if (number !== -1) return isUsual(forms[number]!) ? number : hostReads;
  return probeNumber(hash) === -1 ? notListed : hostReads;
}

/** Faults, refused lists, and lists of which each entry has an event are rare, and not printed as others are. */
function isUsual({ kind, entry }: EventForm): boolean {
  return kind !== EventKind.iommuFault && kind !== EventKind.mapListError && !entry;
}
