/** Where accesses end, by what an entry says. */
import { write } from "../../../src/bits/field.js";
import { predict, reaches } from "../predict.js";
import type { ReplacedUnit } from "./replaced_unit.js";

export interface Access {
  readonly address: number;
  readonly write: boolean;
}

/** A byte address, or null for a refusal. */
export type End = number | null;

export function endBy(replaced: ReplacedUnit, entry: Uint32Array, { address, write }: Access): End {
  const { root, codes, edu } = replaced;
  const found = predict(replaced.with(entry), root, codes, {
    requester: edu.requester,
    address: BigInt(address),
    write,
  });
  return reaches(found) ? found.reaches : null;
}

/** The entry as it stands in our memory. */
export function entryNow({ of, unit, entryAt }: ReplacedUnit): Uint32Array {
  const entry = new Uint32Array(of.format.about.bitCount / 32);
  unit.twin.memory.load(entryAt, entry);
  return entry;
}

/** By that entry, were it present. */
export function endIfPresent(replaced: ReplacedUnit, access: Access): End {
  const entry = entryNow(replaced);
  write(entry, 0, replaced.of.format.present, 1);
  return endBy(replaced, entry, access);
}
