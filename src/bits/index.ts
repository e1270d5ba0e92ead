/** Bit fields as values, and layouts that load only when they are complete. */
export { address64, bit, bits, type Draft, type Field, read, write } from "./field.js";
export { type About, describe, type Layout, layout } from "./layout.js";
export {
  type Access,
  type Register,
  type RegisterMap,
  type RegisterOptions,
  register,
  register64,
  registerMap,
  type WordPair,
} from "./register_map.js";
