/** What travels between devices and memory. */
export { type DmaOutcome, type DmaPort, requesterOf } from "./dma_port.js";
