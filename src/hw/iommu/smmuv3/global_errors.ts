/**
 * Global errors of an SMMUv3: an error is there while its bits in GERROR and GERRORN differ.
 *
 * Source: IHI 0070 G, 7.5.
 */
import type { Field } from "../../../bits/field.js";
import type { SmmuInterrupts } from "./interrupts.js";
import type { SmmuRegisters } from "./registers.js";

export class SmmuErrors {
  readonly #registers: SmmuRegisters;
  readonly #interrupts: SmmuInterrupts;

  constructor(registers: SmmuRegisters, interrupts: SmmuInterrupts) {
    this.#registers = registers;
    this.#interrupts = interrupts;
  }

  /** @param error a field of `GlobalError` */
  isActive(error: Field<0 | 1>): boolean {
    return this.#registers.read("gerror", error) !== this.#registers.read("gerrorn", error);
  }

  /** One that is there already is not told again. */
  raise(error: Field<0 | 1>): void {
    if (this.isActive(error)) return;
    this.#registers.write("gerror", error, this.#registers.read("gerror", error) === 0 ? 1 : 0);
    this.#interrupts.raise("global error");
  }
}
