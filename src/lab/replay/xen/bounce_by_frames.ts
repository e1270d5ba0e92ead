/** Whether a mapping of a Xen domain bounced, told by its bus address alone. */
import { frameBytes } from "../../../base/frame.js";
import type { BounceByAddress } from "../contracts/sinks.js";
import type { Owners } from "./owners.js";
import type { PoolFrames } from "./pool_frames.js";

const pageBytes = frameBytes;

/**
 * @param pools  frames of the pool, from one dump or several of different bounds
 * @param learnt machine frames that searches answered with
 * @param owners used where the pool's frames are not all known: one of the domain's own frames that is not the buffer's
 *   own is a slot of the pool
 * @param direct the domain is mapped directly: a page with the machine's number is mapped where it is
 */
export function bounceByFrames(
  pools: readonly PoolFrames[],
  learnt: ReadonlySet<number>,
  owners: Owners | null,
  direct = false,
): BounceByAddress {
  const whole = pools.length > 0 && pools.every((frames) => frames.known === frames.pages);
  return (phys, address) => {
    const mfn = Math.floor(address / pageBytes);
    if (learnt.has(mfn) || pools.some((frames) => !Number.isNaN(frames.offsetOf(address)))) return true;
    if (whole || (direct && address === phys)) return false;
    if (direct) return learnt.size > 0 ? false : null;
    if (owners === null || !owners.knowsOwn) return learnt.size > 0 ? false : null;
    const own = owners.ownPfn(mfn);
    return !Number.isNaN(own) && own !== Math.floor(phys / pageBytes);
  };
}
