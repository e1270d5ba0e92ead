/** One record into one event of a batch, by the plan of its event number. */
import { u64 } from "../../base/u64.js";
import { Context, type EventBatch, failedAddress } from "../event.js";
import type { Names } from "../names.js";
import type { Warnings } from "../unreadable.js";
import { DeviceTable } from "./device_table.js";
import { firstProbe, notDescribed, type Plans, Slot } from "./plan.js";
import { ProbeDecoder } from "./probe_plan.js";
import type { Recording } from "./recording.js";
import { TaskTable } from "./task_table.js";

/** By the flags every record has, (flags >> 3) & 15: bit 0 hard interrupt, bit 1 softirq, bit 3 NMI. */
const contexts = Uint8Array.from({ length: 16 }, (_, bits) => {
  if ((bits & 8) !== 0) return Context.nmi;
  if ((bits & 1) !== 0) return Context.hardirq;
  return (bits & 2) !== 0 ? Context.softirq : Context.task;
});

/**
 * 2^64 - 1 as a double, as are the 1023 values below it: none of these is an address of any machine.
 */
const allOnes = 2 ** 64;

export class Decoder {
  readonly #plans: Plans;
  readonly #of: Int32Array;
  readonly #numbers: Int32Array;
  readonly #flagsAt: number;
  readonly #pidAt: number;
  readonly #commonBytes: number;
  readonly #little: boolean;
  /** Where a 64-bit value has its low and its high word. */
  readonly #lowAt: number;
  readonly #highAt: number;
  readonly #devices: DeviceTable;
  readonly #tasks: TaskTable;
  readonly #probes: ProbeDecoder;
  readonly #warnings: Warnings;
  /** Those of the batch that `Column` numbers. */
  #columns: readonly Float64Array[] = [];
  /** Event numbers that were warned about. */
  readonly #warned = new Uint8Array(65536);

  constructor(recording: Recording, plans: Plans, devices: Names, tasks: Names, warnings: Warnings) {
    this.#plans = plans;
    this.#of = plans.of;
    this.#numbers = plans.numbers;
    this.#flagsAt = plans.common.flagsAt;
    this.#pidAt = plans.common.pidAt;
    this.#commonBytes = plans.common.leastBytes;
    this.#little = recording.little;
    this.#lowAt = recording.little ? 0 : 4;
    this.#highAt = 4 - this.#lowAt;
    this.#devices = new DeviceTable(devices);
    this.#tasks = new TaskTable(tasks, recording.commands);
    this.#probes = new ProbeDecoder(this.#devices, recording.little);
    this.#warnings = warnings;
  }

  /** Decode into this batch from now on. */
  into(batch: EventBatch): void {
    this.#columns = [batch.dma, batch.phys, batch.size, batch.mask];
  }

  /**
   * Fill the columns of the blank event i, but time and cpu, from the record of `bytes` bytes at `at`.
   * Nothing outside the record is taken; a record too short for its format becomes `other`.
   */
  decode(batch: EventBatch, i: number, view: DataView, at: number, bytes: number): void {
    const little = this.#little;
    if (bytes < this.#commonBytes) {
      this.#warnOnce(0, `a record of ${bytes} bytes`);
      return;
    }
    batch.context[i] = contexts[(view.getUint8(at + this.#flagsAt) >>> 3) & 15]!;
    batch.task[i] = this.#tasks.id(view.getInt32(at + this.#pidAt, little));
    const id = view.getUint16(at, little);
    const p = this.#of[id]!;
    if (p < 0) {
      if (p === notDescribed) this.#warnOnce(id, "its format is not in the file");
      else if (p <= firstProbe) this.#probe(batch, i, view, at, bytes, id);
      return;
    }
    const n = this.#numbers;
    if (bytes < n[p + Slot.leastBytes]!) {
      this.#warnOnce(id, `a record of ${bytes} bytes`);
      return;
    }
    batch.kind[i] = n[p + Slot.kind]!;
    let field = n[p + Slot.deviceAt]!;
    if (field >= 0) {
      const location = view.getUint32(at + field, little);
      const offset = location & 0xffff;
      const length = location >>> 16;
      if (offset + length <= bytes) batch.device[i] = this.#devices.id(view, at + offset, length);
    }
    field = n[p + Slot.directionAt]!;
    if (field >= 0) {
      const direction = view.getUint32(at + field, little);
      if (direction <= n[p + Slot.directionMost]!) batch.direction[i] = direction;
    }
    field = n[p + Slot.attrsAt]!;
    if (field >= 0) batch.attrs[i] = view.getUint32(at + field, little);
    field = n[p + Slot.dmaAt]!;
    if (field >= 0) batch.dma[i] = this.#wideAddress(view, at + field);
    field = n[p + Slot.physAt]!;
    if (field >= 0) batch.phys[i] = this.#wideAddress(view, at + field);
    field = n[p + Slot.sizeAt]!;
    if (field >= 0) batch.size[i] = this.#wide(view, at + field);
    field = n[p + Slot.maskAt]!;
    if (field >= 0) batch.mask[i] = this.#wide(view, at + field);
    field = n[p + Slot.forcedAt]!;
    if (field >= 0) batch.forced[i] = view.getUint8(at + field) === 1 ? 1 : 0;
    if (n[p + Slot.more] === 1) this.#more(batch, i, view, at, bytes, p);
  }

  #probe(batch: EventBatch, i: number, view: DataView, at: number, bytes: number, id: number): void {
    const plan = this.#plans.probes[firstProbe - this.#of[id]!]!;
    if (bytes < plan.leastBytes) this.#warnOnce(id, `a record of ${bytes} bytes`);
    else this.#probes.decode(plan, batch, i, view, at, bytes);
  }

  /** What few events have. */
  #more(batch: EventBatch, i: number, view: DataView, at: number, bytes: number, p: number): void {
    const n = this.#numbers;
    for (let w = p + Slot.narrow, end = w + 3 * n[p + Slot.narrowCount]!; w < end; w += 3) {
      this.#columns[n[w]!]![i] = this.#number(view, at + n[w + 1]!, n[w + 2]!);
    }
    const field = n[p + Slot.totalAt]!;
    if (field >= 0) batch.physTotal[i] = this.#number(view, at + field, n[p + Slot.totalBytes]!);
    this.#lists(batch, i, view, at, bytes, p);
  }

  #number(view: DataView, at: number, bytes: number): number {
    if (bytes === 8) return this.#wide(view, at);
    if (bytes === 4) return view.getUint32(at, this.#little);
    return bytes === 2 ? view.getUint16(at, this.#little) : view.getUint8(at);
  }

  /** 64 bits, exact below 2^53. */
  #wide(view: DataView, at: number): number {
    const little = this.#little;
    return u64(view.getUint32(at + this.#lowAt, little), view.getUint32(at + this.#highAt, little));
  }

  /** 64 bits; all ones are an address that there is none at. */
  #wideAddress(view: DataView, at: number): number {
    const address = this.#wide(view, at);
    return address === allOnes ? failedAddress : address;
  }

  #lists(batch: EventBatch, i: number, view: DataView, at: number, bytes: number, p: number): void {
    const n = this.#numbers;
    batch.dmaFirst[i] = batch.listDmaUsed;
    batch.physFirst[i] = batch.listPhysUsed;
    this.#busList(batch, i, view, at, bytes, p);
    const field = n[p + Slot.listPhysAt]!;
    if (field < 0) return;
    const width = n[p + Slot.listPhysBytes]!;
    const end = this.#listEnd(view, at, bytes, field, width);
    const step = Math.abs(width);
    for (let e = this.#listStart(view, at, field, width); e + step <= end; e += step) {
      batch.pushPhys(i, step === 8 ? this.#wideAddress(view, e) : this.#number(view, e, step));
    }
  }

  #busList(batch: EventBatch, i: number, view: DataView, at: number, bytes: number, p: number): void {
    const n = this.#numbers;
    const field = n[p + Slot.listDmaAt]!;
    if (field < 0) return;
    const width = n[p + Slot.listDmaBytes]!;
    const step = Math.abs(width);
    const end = this.#listEnd(view, at, bytes, field, width);
    const sizeField = n[p + Slot.listSizeAt]!;
    const sizeWidth = n[p + Slot.listSizeBytes]!;
    const sizeStep = Math.abs(sizeWidth);
    let size = sizeField < 0 ? 0 : this.#listStart(view, at, sizeField, sizeWidth);
    const sizeEnd = sizeField < 0 ? 0 : this.#listEnd(view, at, bytes, sizeField, sizeWidth);
    for (let e = this.#listStart(view, at, field, width); e + step <= end; e += step) {
      const known = sizeField >= 0 && size + sizeStep <= sizeEnd;
      const dma = step === 8 ? this.#wideAddress(view, e) : this.#number(view, e, step);
      batch.pushDma(i, dma, known ? this.#number(view, size, sizeStep) : Number.NaN);
      size += sizeStep;
    }
  }

  /** Where in the view the first element is. */
  #listStart(view: DataView, at: number, field: number, width: number): number {
    return width < 0 ? at + field : at + (view.getUint32(at + field, this.#little) & 0xffff);
  }

  /** Behind the last element; the start or less when the record does not hold them. */
  #listEnd(view: DataView, at: number, bytes: number, field: number, width: number): number {
    if (width < 0) return at + field - width;
    const location = view.getUint32(at + field, this.#little);
    const end = (location & 0xffff) + (location >>> 16);
    return end > bytes ? 0 : at + end;
  }

  #warnOnce(id: number, found: string): void {
    if (this.#warned[id] !== 0) return;
    this.#warned[id] = 1;
    const least =
      this.#plans.of[id]! >= 0 ? ` of at least ${this.#numbers[this.#plans.of[id]! + Slot.leastBytes]} bytes` : "";
    this.#warnings.add("", `expected records${least} of event ${id}, found ${found}: its events count as other`);
  }
}
