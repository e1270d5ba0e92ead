/** What travels between devices and memory, and the registers and wires between devices and processors. */
export { type DmaOutcome, type DmaPort, requesterOf } from "./dma_port.js";
export { type Interrupt, MessageInterrupt } from "./interrupt.js";
export { RegisterFile, type RegisterFileOptions, type Registers, type WideRegisters } from "./registers.js";
