/** One seeded run of actors. Knows nothing of DMA. */
export { type Actor, heldWhile, type OneWay, oneWay, told } from "./actor.js";
export { type Ran, runningUntilIdle, runUntilIdle } from "./schedule.js";
