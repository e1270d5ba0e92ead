/** One seeded run of actors. Knows nothing of DMA. */
export { type Actor, type OneWay, oneWay } from "./actor.js";
export { type Ran, runningUntilIdle, runUntilIdle } from "./schedule.js";
