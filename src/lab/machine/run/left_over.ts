/** What outlives a run and should not: what the hypervisor counts, pages that kernels did not get back, slots. */
import { leftovers } from "../../../sw/xen/index.js";
import type { MachineDevice } from "../platform/devices.js";
import type { Host } from "../platform/host.js";

export interface Left {
  /** -1: nobody's, seen by the books of all accesses. */
  readonly domain: number;
  readonly what: string;
  readonly count: number;
}

/** Free pages of each kernel, by domain: to be compared with what they are after a run. */
export function freePages(host: Host): ReadonlyMap<number, number> {
  const free = new Map([[host.kernel.domain, host.pagesLeft()]]);
  for (const [id, { guest }] of host.guests) free.set(id, guest.pages.freePages);
  return free;
}

/** @param before free pages when the machine stood and no program had begun */
export function leftOver(host: Host, devices: readonly MachineDevice[], before: ReadonlyMap<number, number>): Left[] {
  const left: Left[] = host.xen === null ? [] : [...leftovers(host.xen.hypervisor, host.xen.gate)];
  for (const [domain, now] of freePages(host)) {
    const count = before.get(domain)! - now;
    if (count !== 0) left.push({ domain, what: "page", count });
  }
  for (const engine of new Set(devices.map((d) => d.engine)))
    if (engine.pool !== null && engine.pool.used > 0) left.push({ domain: 0, what: "slot", count: engine.pool.used });
  return left;
}
