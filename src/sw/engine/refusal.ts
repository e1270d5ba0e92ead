/** Why a mapping was refused: a kind that can be counted, and words that may hold the figures of the one at hand. */
import type { FullReason } from "../swiotlb/explain.js";

/** Why a mapping was refused. */
export type RefusalReason =
  | FullReason
  /** Its slots lie, or would lie, above what the device reaches. */
  | "mask"
  /** Nobody can tell the bus address of the page. */
  | "unknown-address"
  /** It would have to bounce, and may not. */
  | "no-bounce"
  /** It must be coherent, and the device does not see the cache. */
  | "not-coherent"
  /** The driver has set no mask. */
  | "no-mask"
  /** Registers of another device, out of reach. */
  | "registers"
  /** Another domain's page cannot be granted on. */
  | "foreign-grant"
  /** The device cannot be served by grants: it is disabled, nobody serves it, or its mask is narrow. */
  | "no-grants"
  /** No run of grant references is free. */
  | "references"
  /** The device's domain has no room below what the device reaches. */
  | "no-address"
  /** A list without an entry. */
  | "empty-list";

/** The same, with words for the one at hand. */
export interface Refusal {
  readonly reason: RefusalReason;
  readonly words: string;
}

const of = (reason: RefusalReason, words: string): Refusal => Object.freeze({ reason, words });

/** Those that have no figures. */
export const unknownAddress = of("unknown-address", "nobody can tell the bus address of this page");
export const noPool = of("absent", "the device does not reach the buffer, and there is no pool to bounce it in");
export const noPoolForUntrusted = of(
  "absent",
  "the buffer shares a page with other memory, the device is not trusted, and there is no pool to bounce it in",
);
export const mayNotBounce = of("no-bounce", "the buffer must not bounce, and the device cannot use it where it is");
export const allBounce = of("no-bounce", "all bounces, and this buffer may not");
export const slotsTooHigh = of("mask", "the slots lie above what the device reaches");
export const bounceTooHigh = of("mask", "the bounce buffer itself lies where the device does not reach");
export const notCoherent = of("not-coherent", "the buffer must be coherent, and the device does not see the cache");
export const noMask = of("no-mask", "the driver has set no mask");
export const registersTooHigh = of("registers", "the device does not reach these registers");
export const foreignGrant = of("foreign-grant", "another domain's page cannot be granted on");
export const grantKept = of("no-grants", "the device is disabled: its backend kept a grant");
export const noBackend = of("no-grants", "no domain serves this device");
export const grantMask = of("no-grants", "a device of grants has a 64-bit mask");
export const noAddress = of("no-address", "the device's domain has no room below what the device reaches");
export const emptyList = of("empty-list", "an empty list");
