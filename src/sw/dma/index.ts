/** The DMA API as drivers call it, and the rules that it is checked against. */
export type { Coherent } from "../engine/index.js";
export { DmaApi, type DmaApiOptions } from "./api.js";
export { type BounceDuty, bounceDuty, busIsPhys, type Limits, limitsOf } from "./bounce_duty.js";
export { type DmaChecks, heardBy, type MapCall, type MapKind } from "./checks.js";
export * as errors from "./errors.js";
export { contiguousPieces, type DmaSegment, fits, type ListEntry, type ListPart, type MappedList } from "./list.js";
export { Checker } from "./rules/checker.js";
export type { Region } from "./rules/regions.js";
export { type DmaRule, type DmaRuleName, dmaRules, type RuleKind } from "./rules/rules.js";
export type { CheckOptions } from "./rules/state.js";
export type { Violation } from "./rules/violations.js";
export { cut, listOf, type Request } from "./segments.js";
