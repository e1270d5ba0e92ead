/** Watches which regions a guest makes contiguous and which it gives back. */
import type { Guest } from "../../../sw/xen/index.js";

export interface Regions {
  /** Physical addresses of regions that were made and not destroyed. */
  readonly made: ReadonlySet<number>;
  /** Regions that were destroyed without having been made. */
  readonly unpaired: number;
}

/** From now on; the calls are carried out as they were. */
export function watchRegions(guest: Guest): Regions {
  const made = new Set<number>();
  const seen = { made, unpaired: 0 };
  const create = guest.createContiguous.bind(guest);
  const destroy = guest.destroyContiguous.bind(guest);
  guest.createContiguous = (phys, order, bits) => {
    const answer = create(phys, order, bits);
    if (answer.ok) made.add(phys);
    return answer;
  };
  guest.destroyContiguous = (phys, order) => {
    if (!made.delete(phys)) seen.unpaired++;
    destroy(phys, order);
  };
  return seen;
}
