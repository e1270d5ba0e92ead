/** Bit fields as values, and layouts that load only when they are complete. */
export { bit, bits, type Draft, type Field, read, write } from "./field.js";
export { type About, describe, type Layout, layout } from "./layout.js";
