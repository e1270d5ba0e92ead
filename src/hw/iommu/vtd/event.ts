/**
 * An interrupt of a VT-d unit: masked by software, pending while it is masked.
 *
 * Source: VT-d 4.1, 7.3 (fault event), 6.5.3 (invalidation event), 11.4.7.2 (IM and IP).
 */
import { u64 } from "../../../base/u64.js";
import type { RegisterFile } from "../../../bus/registers.js";
import { EventControl, type vtdRegisters } from "../../../spec/vtd/register_map.js";
import type { MessagePort } from "../core/message_port.js";

export type VtdRegisters = RegisterFile<keyof typeof vtdRegisters.registers>;
type Name = keyof typeof vtdRegisters.registers;

/** The four registers of each event. */
const registersOf = {
  fault: { control: "fectl", data: "fedata", address: "feaddr", upper: "feuaddr" },
  invalidation: { control: "iectl", data: "iedata", address: "ieaddr", upper: "ieuaddr" },
  page: { control: "pectl", data: "pedata", address: "peaddr", upper: "peuaddr" },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Name>>>>;

export class VtdEvent {
  readonly #registers: VtdRegisters;
  readonly #names: { readonly control: Name; readonly data: Name; readonly address: Name; readonly upper: Name };
  readonly #messages: MessagePort;

  constructor(registers: VtdRegisters, kind: keyof typeof registersOf, messages: MessagePort) {
    this.#registers = registers;
    this.#names = registersOf[kind];
    this.#messages = messages;
  }

  /** Its cause came: tell, or keep it pending while it is masked. */
  raise(): void {
    const { control } = this.#names;
    if (this.#registers.read(control, EventControl.im) === 1) this.#registers.write(control, EventControl.ip, 1);
    else this.#send();
  }

  /** Software wrote the control register. */
  controlWritten(): void {
    const { control } = this.#names;
    if (this.#registers.read(control, EventControl.im) === 1 || this.#registers.read(control, EventControl.ip) === 0)
      return;
    this.#registers.write(control, EventControl.ip, 0);
    this.#send();
  }

  /** Its cause is gone before it was told. */
  withdraw(): void {
    this.#registers.write(this.#names.control, EventControl.ip, 0);
  }

  #send(): void {
    const { address, upper, data } = this.#names;
    this.#messages.send(u64(this.#registers.get(address), this.#registers.get(upper)), this.#registers.get(data));
  }
}
