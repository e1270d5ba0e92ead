/** Whether a mapping of a Xen domain bounced, told by its bus address alone. */
import type { Landing } from "../joiner.js";
import type { Owners } from "./owners.js";
import type { PoolFrames } from "./pool_frames.js";

const pageBytes = 4096;

/**
 * @param pools frames of the pool, from one dump or several of different bounds
 * @param owners used without any: one of the domain's own frames that is not the buffer's own is a slot of the pool
 */
export function landing(pools: readonly PoolFrames[], owners: Owners | null): Landing {
  return (phys, address) => {
    if (pools.length > 0) return pools.some((frames) => !Number.isNaN(frames.offsetOf(address)));
    if (owners === null || !owners.knowsOwn) return null;
    const own = owners.ownPfn(Math.floor(address / pageBytes));
    return !Number.isNaN(own) && own !== Math.floor(phys / pageBytes);
  };
}
