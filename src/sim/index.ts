/** One seeded run of actors. Knows nothing of DMA. */
export { type Actor, type Ran, runUntilIdle } from "./schedule.js";
