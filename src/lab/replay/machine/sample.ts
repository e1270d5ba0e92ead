/** Operations of a recording's first stretch, kept to try machines on. */
import type { Mappings } from "../contracts/mappings.js";
import { isEnd, mappingOf } from "../contracts/operation.js";

export interface Sample {
  readonly maps: Mappings;
  /** In the order in which they most likely happened. */
  readonly ops: readonly number[];
}

/** The mappings of a sample in the order in which they began, and of those only what was granted at a known address. */
export function* granted({ maps, ops }: Sample): Iterable<number> {
  for (const op of ops) if (!isEnd(op) && maps.address[mappingOf(op)]! >= 0) yield mappingOf(op);
}
