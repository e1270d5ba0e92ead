/** The control register of an AMD-Vi unit as its driver keeps it: fields are switched one by one. */
import { type Field, write } from "../../../bits/field.js";
import type { WideRegisters } from "../../../bus/registers.js";
import { amdviRegisters } from "../../../spec/amdvi/register_map.js";
import type { Control } from "../../../spec/amdvi/registers.js";

const { control } = amdviRegisters.registers;
type Name = Exclude<keyof typeof Control, "$">;

export class UnitControl {
  readonly #registers: WideRegisters;

  constructor(registers: WideRegisters) {
    this.#registers = registers;
  }

  set(field: (typeof Control)[Name], value: number): void {
    const words = new Uint32Array(2);
    this.#registers.read64(control.offset, words);
    write(words, 0, field as Field, value);
    this.#registers.write64(control.offset, words[0]!, words[1]!);
  }
}
