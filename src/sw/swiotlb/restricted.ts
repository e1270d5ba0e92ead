/**
 * Restricted pools: memory that the device tree sets aside, through which all DMA of its devices goes, coherent
 * allocations too.
 *
 * Source: Linux kernel/dma/swiotlb.c, rmem_swiotlb_setup, rmem_swiotlb_device_init, swiotlb_alloc and swiotlb_free.
 */
import { type KernelLog, unheard } from "../../base/kernel_log.js";
import { pageBytes, slotBytes } from "../../spec/swiotlb/sizes.js";
import type { BugId } from "./bugs.js";
import { notLinear, pagesNotAligned, restrictedPoolCreated } from "./message.js";
import { Pool } from "./pool.js";
import { type Profile, today } from "./profile.js";

const invalid = -22;
const forbidden = ["reusable", "no-map", "linux,cma-default", "linux,dma-default"];

export interface RestrictedNode {
  readonly base: number;
  readonly bytes: number;
  /** Names of the node's other properties. */
  readonly properties: readonly string[];
  /** The base lies in memory that the kernel has not mapped. */
  readonly highMemory?: boolean;
  readonly profile?: Profile;
  readonly bugs?: readonly BugId[];
}

/** @returns the pool with the line of the log, or -22 (EINVAL) with the reason when the kernel refuses the node. */
export function restrictedPool(
  node: RestrictedNode,
  log?: KernelLog,
): { readonly pool: RestrictedPool; readonly log: string } | { readonly error: -22; readonly because: string } {
  const bad = node.properties.find((p) => forbidden.includes(p));
  if (bad !== undefined) return { error: invalid, because: `a restricted pool cannot be ${bad}` };
  if (node.highMemory) return { error: invalid, because: notLinear };
  return { pool: new RestrictedPool(node, log), log: restrictedPoolCreated(node) };
}

/** One area whatever the CPUs, always used, and shared by all devices of the node. */
export class RestrictedPool {
  readonly pool: Pool;
  readonly #log: KernelLog;

  /** @param log told once that an allocation did not start on a page */
  constructor(node: RestrictedNode, log: KernelLog = unheard) {
    this.#log = log;
    const { base, bytes, profile, bugs } = node;
    const shape = { start: base, slots: Math.floor(bytes / slotBytes), areas: 1 };
    this.pool = new Pool({ ...shape, profile: profile ?? today, bugs: bugs ?? [] });
  }

  /**
   * Pages for a coherent allocation, aligned to the power of two that holds them. Nothing is copied.
   * @param minAlignMask the device's: it has no say in the place, but in the steps of the search
   * @returns the bus address that the caller is given: the page where the allocation begins; -1 when there is none.
   */
  allocate(cpu: number, bytes: number, minAlignMask = 0): number {
    const { pool } = this;
    const order = 2 ** Math.ceil(Math.log2(Math.max(1, bytes / pageBytes)));
    const mask = pool.rules.allocMaskApart ? order * pageBytes - 1 : 0;
    const at = pool.allocate(cpu, bytes, minAlignMask, mask);
    if (at < 0) return -1;
    const address = pool.start + at;
    if (address % pageBytes === 0) return address;
    if (!pool.rules.checksPages) return address - (address % pageBytes);
    this.#log.once(pagesNotAligned(address), "pages not aligned");
    pool.unmap(at, 0);
    return -1;
  }

  /** @param address as `allocate` returned it. @returns whether an allocation began there; then it is free again. */
  free(address: number): boolean {
    return this.pool.unmap(address - this.pool.start, 0);
  }
}
