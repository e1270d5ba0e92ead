/**
 * Runs of grant references from a table that hands them out one by one.
 *
 * A device of grants addresses a buffer as one range, so its pages need consecutive references. References that do not
 * continue a run are kept until one is complete and then taken back, so that they are not handed out again meanwhile.
 * Source: the demand of Linux drivers/xen/grant-dma-ops.c (gnttab_alloc_grant_reference_seq); the search is our own.
 */
import { above, type Pfn } from "../../../base/frame.js";
import type { GrantRuns } from "../ports.js";

/** A guest's own grants. */
export interface SingleGrants {
  /** @returns the reference, or -1 when the table is full. */
  grant(domain: number, page: Pfn, readOnly: boolean): number;
  /** @returns false while the other side uses it. */
  endAccess(reference: number): boolean;
}

export function consecutiveGrants(grants: SingleGrants): GrantRuns {
  return {
    endAccess: (reference) => grants.endAccess(reference),
    grantRange: ({ to, first, count, readonly }) => {
      const passed: number[] = [];
      let run: number[] = [];
      while (run.length < count) {
        const reference = grants.grant(to, above(first, run.length), readonly);
        if (reference >= 0 && (run.length === 0 || reference === run.at(-1)! + 1)) {
          run.push(reference);
          continue;
        }
        // It was granted for a page that comes later in the run, so it cannot begin one.
        passed.push(...run);
        if (reference >= 0) passed.push(reference);
        run = [];
        if (reference < 0) break;
      }
      // Ascending references come back first: tables hand out last what they got first.
      for (const reference of passed.sort((a, b) => b - a)) grants.endAccess(reference);
      return run[0] ?? -1;
    },
  };
}
