/**
 * The interrupt of an AMD-Vi unit: one message for each cause that comes up while software wants to be told of it.
 *
 * Source: AMD IOMMU 48882, 3.4.4 (EventIntEn, ComWaitIntEn), 3.4.16 (EventOverflow, EventLogInt, ComWaitInt). A cause that is
 * up already sends no second message: software that clears its bit after it has looked loses what came in between.
 */
import { u64 } from "../../../base/u64.js";
import type { RegisterFile } from "../../../bus/registers.js";
import type { amdviRegisters } from "../../../spec/amdvi/register_map.js";
import { Control, UnitStatus } from "../../../spec/amdvi/registers.js";
import { cell, type Live, type MachineState, record } from "../../../state/index.js";
import type { MessagePort } from "../core/message_port.js";

export type AmdviRegisters = RegisterFile<keyof typeof amdviRegisters.registers>;

const { eventOverflow, eventLogInt, comWaitInt } = UnitStatus;

/** Each cause, and what lets it tell. */
const causes = [
  { status: eventOverflow, enable: Control.eventIntEn },
  { status: eventLogInt, enable: Control.eventIntEn },
  { status: comWaitInt, enable: Control.comWaitIntEn },
] as const;
type Cause = (typeof causes)[number]["status"];

const Told = record("AMD-Vi interrupt", { told: cell("causes that are up and were told, a bit each") });

export class AmdviInterrupts {
  readonly #registers: AmdviRegisters;
  readonly #messages: MessagePort;
  readonly #s: Live<typeof Told.drafts>;

  constructor(o: { readonly state: MachineState; readonly registers: AmdviRegisters; readonly messages: MessagePort }) {
    this.#registers = o.registers;
    this.#messages = o.messages;
    this.#s = o.state.place(Told);
  }

  raise(cause: Cause): void {
    this.#registers.write("status", cause, 1);
    this.changed();
  }

  /** A status was cleared, or an enable changed. */
  changed(): void {
    const { told } = this.#s;
    let now = 0;
    for (const [n, { status, enable }] of causes.entries()) {
      if (this.#registers.read("status", status) === 1 && this.#registers.read("control", enable) === 1) now |= 1 << n;
    }
    this.#s.told = now;
    if ((now & ~told) === 0) return;
    const address = u64(this.#registers.get("msiAddress"), this.#registers.get("msiUpper"));
    this.#messages.send(address, this.#registers.get("msiData"));
  }
}
