/** Every run of a small machine: explored, told, and its steps and its state held against what was declared. */
export { explore, type Observer, type Options } from "./explore.js";
export { type CoarseStep, coarseSteps } from "./granularity.js";
export type { Limits, ToldStep, Universe, Verdict, Violation } from "./universe.js";
