/** An AMD-Vi unit as the core asks for it: its device table as registers have it, its tags, its codes. */
import { frameBytes } from "../../../base/frame.js";
import { read } from "../../../bits/field.js";
import type { MemoryView } from "../../../mem/view.js";
import { EventCode } from "../../../spec/amdvi/event_record.js";
import { Control, DeviceTableBase } from "../../../spec/amdvi/registers.js";
import { amdviAbilities } from "../../../table/device/amdvi_abilities.js";
import { type Attachment, deviceTables, type LookupFault, type UnitRoot } from "../../../table/device/index.js";
import type { FaultName } from "../../../table/index.js";
import { Refusal, type RefusedRequest, type UnitModel, type Whose } from "../core/model.js";
import { AddressType, type DmaRequest } from "../core/request.js";
import type { Tag } from "../core/tag.js";
import type { AmdviEvents } from "./events.js";
import type { AmdviRegisters } from "./interrupts.js";

export class AmdviModel implements UnitModel {
  readonly keepsInvalid = false;
  readonly #registers: AmdviRegisters;
  readonly #events: AmdviEvents;
  readonly #outputBits: number;
  readonly #words = new Uint32Array(2);
  readonly #roots = new Map<string, UnitRoot>();

  constructor(o: {
    readonly registers: AmdviRegisters;
    readonly events: AmdviEvents;
    readonly outputBits: number;
  }) {
    this.#registers = o.registers;
    this.#events = o.events;
    this.#outputBits = o.outputBits;
  }

  isOn(): boolean {
    return this.#registers.read("control", Control.iommuEn) === 1;
  }

  settings(): object {
    return this.#root();
  }

  lookup(view: MemoryView, { requester, pasid }: Whose): Attachment | LookupFault {
    return deviceTables.amdvi.lookup(view, this.#root(), requester, pasid);
  }

  #root(): UnitRoot {
    const registers = this.#registers;
    const on = this.isOn();
    const guest = registers.read("control", Control.gtEn) === 1;
    registers.read64(registers.map.registers.devtab.offset, this.#words);
    const key = `${on} ${guest} ${this.#words[0]} ${this.#words[1]}`;
    let root = this.#roots.get(key);
    if (root === undefined) {
      root = this.#made(on, guest);
      if (this.#roots.size >= 64) this.#roots.clear();
      this.#roots.set(key, root);
    }
    return root;
  }

  #made(translating: boolean, guest: boolean): UnitRoot {
    const efr = new Uint32Array(2);
    this.#registers.read64(this.#registers.map.registers.efr.offset, efr);
    return {
      kind: "amdvi",
      mode: guest ? "v1+v2" : "v1",
      root: read(this.#words, 0, DeviceTableBase.frame) * frameBytes,
      size: (read(this.#words, 0, DeviceTableBase.size) + 1) * frameBytes,
      split: 0,
      registersAt: null,
      translating,
      interruptRemapping: null,
      interruptTable: null,
      outputBits: this.#outputBits,
      found: "registers",
      segment: 0,
      abilities: amdviAbilities(efr, guest),
    };
  }

  /** The device table's entry; what follows are those of GCR3 tables. */
  deviceEntries(): number {
    return 1;
  }

  codes() {
    return "amdvi" as const;
  }

  /** Of host tables alone nothing has a PASID. 2.4.3. */
  tagOf(a: Attachment): Tag {
    return { domain: a.domain ?? 0, space: a.stage === "second" || a.stage === null ? null : a.pasid, globals: 0 };
  }

  isMessage(frame: number): boolean {
    return frame >= 0xfee00 && frame < 0xfef00;
  }

  readsMessage(): number {
    return EventCode.invalidRequest;
  }

  /** Where the device has no entry (V is 0, or the unit is off), or is blocked, that decides. */
  refusesType(request: DmaRequest, attachment: Attachment): number {
    const isUnasked = attachment.state === "bypass" || attachment.state === "blocked";
    const may = request.type === AddressType.untranslated || attachment.ats || isUnasked;
    return may ? 0 : EventCode.invalidRequest;
  }

  blocks(): number {
    return EventCode.pageFault;
  }

  lacksRight(): number {
    return EventCode.pageFault;
  }

  /** A unit that passes addresses on leaves it to memory whether they exist. */
  refusesAddress(): number {
    return 0;
  }

  isNoTranslation(fault: FaultName): boolean {
    return fault === "absent" || fault === "readRefused" || fault === "writeRefused";
  }

  record(refused: RefusedRequest): Refusal {
    this.#events.refused(refused);
    return Refusal.ends;
  }

  canRecord(): boolean {
    return true;
  }
}
