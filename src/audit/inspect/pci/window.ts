/** Windows of devices, as far as they can be ones. */
import type { Window } from "./device.js";

const addressMax = 2 ** 52;

/** @returns nothing for what is empty, at address 0 (not assigned) or beyond what an address can be */
export const windowOf = (from: number, to: number): Window[] =>
  from > 0 && from < to && to <= addressMax ? [{ from, to }] : [];
