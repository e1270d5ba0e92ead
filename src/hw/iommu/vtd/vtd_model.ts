/** A VT-d unit as the core asks for it: its root as registers have it, its tags, its codes. */
import { frameBytes } from "../../../base/frame.js";
import { read } from "../../../bits/field.js";
import type { MemoryView } from "../../../mem/view.js";
import { GlobalStatus, RootTableAddress } from "../../../spec/vtd/registers.js";
import { cells, type Live, type MachineState, record } from "../../../state/index.js";
import { type Attachment, deviceTables, type LookupFault, type UnitRoot } from "../../../table/device/index.js";
import { vtdAbilities } from "../../../table/device/vtd_abilities.js";
import type { FaultName } from "../../../table/index.js";
import { Refusal, type RefusedRequest, type UnitModel, type Whose } from "../core/model.js";
import { AddressType, type DmaRequest } from "../core/request.js";
import type { Tag } from "../core/tag.js";
import type { VtdRegisters } from "./event.js";
import type { VtdFaults } from "./faults.js";

const Root = record("VT-d root table pointer", {
  rtaddr: cells(2, "RTADDR as it stood when GCMD.SRTP was written"),
});

const modes = ["legacy", "scalable", "reserved", "abort"] as const;

/** Faults of legacy mode, and those of scalable mode, that are the request's own. */
const Fault = {
  translatedLegacy: 0x0d,
  requestScalable: 0x44,
  write: 0x05,
  read: 0x06,
  writeScalable: 0x85,
  readScalable: 0x86,
} as const;

export class VtdModel implements UnitModel {
  readonly keepsInvalid = false;
  readonly #registers: VtdRegisters;
  readonly #faults: VtdFaults;
  readonly #s: Live<typeof Root.drafts>;
  readonly #outputBits: number;
  readonly #words = new Uint32Array(2);
  readonly #roots = new Map<string, UnitRoot>();

  constructor(o: {
    readonly state: MachineState;
    readonly registers: VtdRegisters;
    readonly faults: VtdFaults;
    readonly outputBits: number;
  }) {
    this.#registers = o.registers;
    this.#faults = o.faults;
    this.#s = o.state.place(Root);
    this.#outputBits = o.outputBits;
  }

  /** GCMD.SRTP was written. */
  takeRoot(): void {
    this.#registers.read64(this.#registers.map.registers.rtaddr.offset, this.#words);
    this.#s.rtaddr.copyFrom(this.#words);
  }

  get #ttm(): number {
    this.#s.rtaddr.copyTo(this.#words);
    return read(this.#words, 0, RootTableAddress.ttm);
  }

  get isScalable(): boolean {
    return this.#ttm === 1;
  }

  isOn(): boolean {
    return this.#registers.read("gsts", GlobalStatus.tes) === 1;
  }

  settings(): object {
    return this.#root();
  }

  lookup(view: MemoryView, { requester, pasid }: Whose): Attachment | LookupFault {
    return deviceTables.vtd.lookup(view, this.#root(), requester, pasid);
  }

  #root(): UnitRoot {
    const on = this.isOn();
    this.#s.rtaddr.copyTo(this.#words);
    const key = `${on} ${this.#words[0]} ${this.#words[1]}`;
    let root = this.#roots.get(key);
    if (root === undefined) {
      root = this.#made(on);
      if (this.#roots.size >= 64) this.#roots.clear();
      this.#roots.set(key, root);
    }
    return root;
  }

  #made(translating: boolean): UnitRoot {
    const [cap, ecap] = [new Uint32Array(2), new Uint32Array(2)];
    const { registers } = this.#registers.map;
    this.#registers.read64(registers.cap.offset, cap);
    this.#registers.read64(registers.ecap.offset, ecap);
    return {
      kind: "vtd",
      mode: modes[read(this.#words, 0, RootTableAddress.ttm)]!,
      root: read(this.#words, 0, RootTableAddress.frame) * frameBytes,
      size: frameBytes,
      split: 0,
      registersAt: null,
      translating,
      interruptRemapping: null,
      interruptTable: null,
      outputBits: this.#outputBits,
      found: "registers",
      segment: 0,
      abilities: vtdAbilities(cap, ecap),
    };
  }

  /** The root entry and the context entry. */
  deviceEntries(): number {
    return 2;
  }

  codes() {
    return this.isScalable ? "vtd-scalable" : "vtd-legacy";
  }

  /** The second stage's translations have no PASID. 6.2.5. */
  tagOf(a: Attachment): Tag {
    return { domain: a.domain ?? 0, space: a.stage === "second" || a.stage === null ? null : a.pasid, globals: 0 };
  }

  isMessage(frame: number): boolean {
    return frame >= 0xfee00 && frame < 0xfef00;
  }

  refusesType(request: DmaRequest, attachment: Attachment): number {
    if (request.type === AddressType.untranslated || attachment.ats) return 0;
    return this.isScalable ? Fault.requestScalable : Fault.translatedLegacy;
  }

  lacksRight(write: boolean): number {
    if (this.isScalable) return write ? Fault.writeScalable : Fault.readScalable;
    return write ? Fault.write : Fault.read;
  }

  /** A unit that passes addresses on leaves it to memory whether they exist. */
  refusesAddress(): number {
    return 0;
  }

  isNoTranslation(fault: FaultName): boolean {
    return fault === "absent" || fault === "readRefused" || fault === "writeRefused";
  }

  record(refused: RefusedRequest): Refusal {
    this.#faults.record(refused);
    return Refusal.ends;
  }

  canRecord(): boolean {
    return true;
  }
}
