/** What the entries of a format let pass, as a number that a walker looks up three bits in. */
import { Misuse } from "../base/assert.js";
import type { EntryShape, Grant } from "./format.js";

/** Rights as the walkers carry them: 1 read, 2 write, 4 without privilege. */
export const userRight = 4;

/** Four bits of rights for each value of the three bits at `shift` of the low or the high word. */
export interface PackedGrants {
  readonly packed: number;
  readonly shift: number;
  readonly high: boolean;
}

export const everything: PackedGrants = { packed: -1, shift: 0, high: false };

/** The rights for each value of the three bits in which a shape keeps them. */
export function packGrants(shape: EntryShape, privileged: boolean): PackedGrants {
  const { read, write } = shape.grants;
  const user = privileged ? true : shape.grants.user;
  const fields = [read, write, user].filter((g) => g !== true).map((g) => ("not" in g ? g.not : g));
  if (fields.length === 0) return everything;
  const shift = Math.min(...fields.map((f) => f.shift), 29);
  const word = fields[0]!.word;
  if (fields.some((f) => f.word !== word || f.shift > shift + 2)) {
    throw new Misuse("bad-format", `${shape.about.title}: rights lie in three neighbouring bits`);
  }
  let packed = 0;
  for (let v = 0; v < 8; v++) {
    const holds = (g: Grant) => {
      if (g === true) return true;
      const f = "not" in g ? g.not : g;
      return ((v >>> (f.shift - shift)) & 1) === ("not" in g ? 0 : 1);
    };
    packed |= ((holds(read) ? 1 : 0) | (holds(write) ? 2 : 0) | (holds(user) ? userRight : 0)) << (4 * v);
  }
  return { packed, shift, high: word === 1 };
}
