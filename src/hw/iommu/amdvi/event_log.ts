/**
 * The event log of an AMD-Vi unit: a ring in memory that stops when it is full.
 *
 * Source: AMD IOMMU 48882, 2.5 (records, overflow and how logging is begun again), 3.4.16. A record stands in memory before
 * the tail moves. One entry stays free.
 */
import { frameBytes } from "../../../base/frame.js";
import type { Memory } from "../../../mem/memory.js";
import { eventRecordBytes } from "../../../spec/amdvi/event_record.js";
import { Control, UnitStatus } from "../../../spec/amdvi/registers.js";
import { cell, type Live, type MachineState, record } from "../../../state/index.js";
import { UnitBuffer } from "./buffer.js";
import type { AmdviInterrupts, AmdviRegisters } from "./interrupts.js";

const { eventOverflow, eventLogInt, eventLogRun } = UnitStatus;
const LogState = record("AMD-Vi event log", { on: cell<0 | 1>("1 = software has it on") });

export interface EventLogParts {
  readonly state: MachineState;
  readonly memory: Memory;
  readonly registers: AmdviRegisters;
  readonly interrupts: AmdviInterrupts;
}

export class AmdviEventLog {
  readonly #o: EventLogParts;
  readonly #s: Live<typeof LogState.drafts>;
  readonly #buffer: UnitBuffer;

  constructor(o: EventLogParts) {
    this.#o = o;
    this.#s = o.state.place(LogState);
    this.#buffer = new UnitBuffer(o.registers, "events");
  }

  baseWritten(): void {
    this.#buffer.baseWritten();
  }

  /** CONTROL was written: switched on anew, the log runs and knows of no overflow. */
  controlWritten(): void {
    const { registers } = this.#o;
    const on = registers.read("control", Control.iommuEn) & registers.read("control", Control.eventLogEn) ? 1 : 0;
    if (on === this.#s.on) return;
    this.#s.on = on;
    registers.write("status", eventLogRun, on);
    if (on === 1) registers.write("status", eventOverflow, 0);
  }

  /** Put a record in, if there is room; where memory ends it is lost, and the tail moves all the same. @param words four */
  put(words: Uint32Array): void {
    const { registers, memory, interrupts } = this.#o;
    if (registers.read("status", eventLogRun) === 0) return;
    const { tail, entryCount } = this.#buffer;
    if ((tail + 1) % entryCount === this.#buffer.head) {
      registers.write("status", eventLogRun, 0);
      interrupts.raise(eventOverflow);
      return;
    }
    const at = this.#buffer.addressOf(tail);
    if (at + eventRecordBytes <= memory.frameCount * frameBytes) memory.store(at, words);
    this.#buffer.tail = tail + 1;
    interrupts.raise(eventLogInt);
  }
}
