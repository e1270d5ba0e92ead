/** The registers of an SMMUv3, as its parts see them. */
import type { RegisterFile } from "../../../bus/registers.js";
import type { smmuRegisters } from "../../../spec/smmuv3/register_map.js";

export type SmmuName = keyof typeof smmuRegisters.registers;
export type SmmuRegisters = RegisterFile<SmmuName>;
