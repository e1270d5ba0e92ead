/** Ground: frame numbers of four address spaces, asserts, seeded randomness. No word of DMA. */
export { assert, Broken, Misuse } from "./assert.js";
export {
  type Address,
  above,
  address,
  type Dfn,
  dfn,
  frameBitsMax,
  frameLg2,
  type Gfn,
  gfn,
  type Mfn,
  mfn,
  type Pfn,
  pfn,
} from "./frame.js";
export { type Choose, drawn, Rng } from "./rng.js";
