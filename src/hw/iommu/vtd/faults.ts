/**
 * Primary fault logging of a VT-d unit: one fault recording register, the fault status, the fault event.
 *
 * Source: VT-d 4.1, 7.2.1 (logging, overflow), 7.3 (event), 11.4.7.
 */
import { read } from "../../../bits/field.js";
import { ContextEntry, ScalableContextEntry } from "../../../spec/vtd/context_entry.js";
import { FaultRecord } from "../../../spec/vtd/fault_record.js";
import { PasidDirectoryEntry, PasidEntry } from "../../../spec/vtd/pasid.js";
import { FaultStatus } from "../../../spec/vtd/registers.js";
import type { EntryRead } from "../../../table/device/index.js";
import type { RefusedRequest } from "../core/model.js";
import type { VtdEvent, VtdRegisters } from "./event.js";

/** Reasons that an entry's FPD silences: 7.1.3, those called qualified. */
const qualified: ReadonlySet<number> = new Set([
  ...[0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0c, 0x0d, 0x0e],
  ...[0x41, 0x43, 0x44, 0x45, 0x46, 0x47, 0x50, 0x51, 0x52, 0x58, 0x59, 0x5a, 0x5b, 0x5c, 0x5d],
  ...[0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x7b, 0x7c],
  ...[0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x90],
]);

const { pfo, ppf, iqe, ice, ite, fri } = FaultStatus;
/** Statuses that the fault event tells of. */
const causes = [pfo, ppf, iqe, ice, ite] as const;
type Cause = (typeof causes)[number];

export class VtdFaults {
  readonly #registers: VtdRegisters;
  readonly #event: VtdEvent;
  readonly #words = new Uint32Array(4);

  constructor(registers: VtdRegisters, event: VtdEvent) {
    this.#registers = registers;
    this.#event = event;
  }

  /** A request was refused. */
  record(r: RefusedRequest): void {
    if (qualified.has(r.code) && isSilenced(r.entries)) return;
    const { fsts, faultHigh } = { fsts: "fsts", faultHigh: "faultHigh" } as const;
    if (this.#registers.read(fsts, pfo) === 1) return;
    if (this.#registers.read(faultHigh, isPending) === 1) {
      this.set(pfo);
      return;
    }
    const w = this.#words;
    w[0] = ((r.frame % 2 ** 20) * 4096) >>> 0;
    w[1] = Math.floor(r.frame / 2 ** 20) >>> 0;
    w[2] = r.requester & 0xffff;
    w[3] = r.code | (r.pasid === null ? 0 : r.pasid << 8) | (r.write ? 0 : 0x4000_0000) | (r.type << 28) | 0x8000_0000;
    if (r.pasid !== null) w[2] |= 0x8000_0000;
    const { map } = this.#registers;
    this.#registers.load([
      [map.registers.fault.offset, w[0]],
      [map.registers.fault.offset + 4, w[1]],
      [map.registers.faultHigh.offset, w[2] >>> 0],
      [map.registers.faultHigh.offset + 4, w[3] >>> 0],
    ]);
    this.#registers.write(fsts, fri, 0);
    this.set(ppf);
  }

  /** A status comes up; the event tells of it unless one is up already that software has not cleared. */
  set(cause: Cause): void {
    const wasUp = this.#isUp();
    this.#registers.write("fsts", cause, 1);
    if (!wasUp) this.#event.raise();
  }

  /** Software wrote the status or a fault record: is a fault still there? */
  written(): void {
    if (this.#registers.read("faultHigh", isPending) === 0) this.#registers.write("fsts", ppf, 0);
    if (!this.#isUp()) this.#event.withdraw();
  }

  #isUp(): boolean {
    return causes.some((c) => this.#registers.read("fsts", c) === 1);
  }
}

/** F, as a bit of the record's upper half. */
const isPending = { ...FaultRecord.f, word: 1, msb: 63, lsb: 63 } as const;

/** FPD of any entry on the way. */
function isSilenced(entries: readonly EntryRead[]): boolean {
  return entries.some(({ about, words }) => {
    if (about === ContextEntry.$) return read(words, 0, ContextEntry.fpd) === 1;
    if (about === ScalableContextEntry.$) return read(words, 0, ScalableContextEntry.fpd) === 1;
    if (about === PasidDirectoryEntry.$) return read(words, 0, PasidDirectoryEntry.fpd) === 1;
    return about === PasidEntry.$ && read(words, 0, PasidEntry.fpd) === 1;
  });
}
