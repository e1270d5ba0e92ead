/**
 * What an AMD-Vi unit records, as records of its event log.
 *
 * Source: AMD IOMMU 48882, 2.5.2 to 2.5.9 (fields and flags of each), 2.2.2.1 (SA: page faults of the device are not
 * recorded; SE: one of them until its entry is fetched anew).
 */
import { u64High, u64Low } from "../../../base/u64.js";
import { read, write } from "../../../bits/field.js";
import { DeviceEntry, translationWords } from "../../../spec/amdvi/device_entry.js";
import { EventCode as Code, EventRecord, EventFlag as Flag } from "../../../spec/amdvi/event_record.js";
import { Gcr3Entry } from "../../../spec/amdvi/guest_cr3.js";
import { reservedSet } from "../../../table/device/entry.js";
import type { EntryRead } from "../../../table/device/index.js";
import type { FaultName } from "../../../table/index.js";
import type { UnitCaches } from "../core/caches.js";
import type { RefusedRequest } from "../core/model.js";
import { AddressType } from "../core/request.js";
import type { AmdviEventLog } from "./event_log.js";

/** What a page fault's record says of the page. */
const ofPage: Readonly<Record<FaultName, number>> = {
  absent: 0,
  inputSize: 0,
  skipped: 0,
  outside: 0,
  reserved: Flag.pr | Flag.rz,
  addressSize: Flag.pr | Flag.rz,
  readRefused: Flag.pr | Flag.pe,
  writeRefused: Flag.pr | Flag.pe,
  privilege: Flag.pr | Flag.pe,
  // No format of this unit has these.
  accessFlag: 0,
  interruptRange: 0,
};

export class AmdviEvents {
  readonly #log: AmdviEventLog;
  readonly #caches: UnitCaches;
  readonly #words = new Uint32Array(4);

  constructor(o: { readonly log: AmdviEventLog; readonly caches: UnitCaches }) {
    this.#log = o.log;
    this.#caches = o.caches;
  }

  /** A request was refused. */
  refused(r: RefusedRequest): void {
    const entry = r.entries.find((e) => e.about === DeviceEntry.$)?.words ?? null;
    if (r.code === Code.pageFault && entry !== null && this.#isSilenced(r.requester, entry)) return;
    const words = this.#begin(r.code, this.#flagsOf(r, entry));
    write(words, 0, EventRecord.device, r.requester & 0xffff);
    const ofPages = r.code === Code.pageFault || r.code === Code.pageTableError;
    if (r.pasid !== null && r.code !== Code.deviceTableError) {
      write(words, 0, EventRecord.pasidOrDomain, r.pasid % 2 ** 16);
      write(words, 0, EventRecord.pasidHigh, Math.floor(r.pasid / 2 ** 16) % 16);
    } else if (ofPages && entry !== null) {
      write(words, 0, EventRecord.pasidOrDomain, read(entry, 0, DeviceEntry.did));
    }
    const isHardware = r.code === Code.deviceTableError || r.code === Code.pageTableError;
    if (isHardware) this.#address(r.at);
    else {
      words[2] = ((r.frame % 2 ** 20) * 4096 + r.offset) >>> 0;
      words[3] = Math.floor(r.frame / 2 ** 20) >>> 0;
    }
    this.#log.put(words);
  }

  /** @param at byte address of the command */
  illegalCommand(at: number): void {
    this.#begin(Code.illegalCommand, 0);
    this.#address(at);
    this.#log.put(this.#words);
  }

  /** Nothing answered where the command should be. */
  commandError(at: number): void {
    this.#begin(Code.commandError, Flag.masterAbort);
    this.#address(at);
    this.#log.put(this.#words);
  }

  /** @param at byte address of the command that the device did not answer */
  timedOut(requester: number, at: number): void {
    write(this.#begin(Code.deviceTlbTimeout, 0), 0, EventRecord.device, requester & 0xffff);
    this.#address(at);
    this.#log.put(this.#words);
  }

  #begin(code: number, flags: number): Uint32Array {
    const words = this.#words.fill(0);
    write(words, 0, EventRecord.code, code);
    write(words, 0, EventRecord.flags, flags);
    return words;
  }

  #address(at: number): void {
    this.#words[2] = u64Low(at);
    this.#words[3] = u64High(at);
  }

  #flagsOf(r: RefusedRequest, entry: Uint32Array | null): number {
    const isAsking = r.type === AddressType.translationRequest;
    const common = (isAsking ? Flag.tr : r.write ? Flag.rw : 0) | (r.pasid === null ? 0 : Flag.gn);
    switch (r.code) {
      case Code.illegalEntry: {
        const hasReserved = entry !== null && reservedSet(entry, 0, DeviceEntry.$, 0, translationWords);
        return common | (hasReserved ? Flag.rz : 0);
      }
      case Code.pageFault:
        return common | (r.fault === null ? ofGuestEntry(r.entries) : ofPage[r.fault]);
      case Code.deviceTableError:
        return (common & ~Flag.gn) | Flag.masterAbort;
      case Code.pageTableError:
        return common | Flag.masterAbort;
      default:
        return (common & ~Flag.rw) | (r.type === AddressType.translated ? Flag.pretranslated : 0);
    }
  }

  #isSilenced(requester: number, entry: Uint32Array): boolean {
    if (read(entry, 0, DeviceEntry.sa) === 1) return true;
    if (read(entry, 0, DeviceEntry.se) === 0) return false;
    const slot = this.#caches.devices.find(requester, null);
    return slot >= 0 && !this.#caches.devices.mark(slot);
  }
}

/** Of a page fault before any page table: DMA is blocked (TV), or a GCR3 table has no table for the PASID. */
function ofGuestEntry(entries: readonly EntryRead[]): number {
  const last = entries.at(-1);
  if (last?.about !== Gcr3Entry.$) return 0;
  return read(last.words, 0, Gcr3Entry.v) === 1 && reservedSet(last.words, 0, Gcr3Entry.$) ? Flag.pr | Flag.rz : 0;
}
