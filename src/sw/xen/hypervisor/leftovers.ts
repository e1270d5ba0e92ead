/** What is left over when nothing should be: of grants, handles, table entries and references. */
import { Reach } from "./cpu_map.js";
import type { Domain } from "./domain.js";
import type { Hypervisor } from "./hypervisor.js";

export interface Leftover {
  readonly domain: number;
  readonly what: "handle" | "grant in use" | "device entry" | "reference" | "page count" | "shadow mapping";
  readonly count: number;
}

/**
 * @param books the gate's, which has counted mappings by itself
 * @returns nothing when every grant is unmapped and every reference is accounted for.
 */
export function leftovers(h: Hypervisor, books: { readonly foreignCount: number }): Leftover[] {
  const found: Leftover[] = [];
  const note = (domain: number, what: Leftover["what"], count: number) => {
    if (count !== 0) found.push({ domain, what, count });
  };
  for (const d of h.domains.values()) {
    note(d.id, "handle", d.grants.liveHandles);
    note(d.id, "grant in use", d.grants.active.size);
    note(d.id, "device entry", (d.devices?.grantedCount ?? 0) + (d.deviceMap?.size ?? 0));
    const { pages, references } = expected(h, d);
    note(d.id, "page count", d.pages - pages);
    note(d.id, "reference", references);
  }
  note(-1, "shadow mapping", books.foreignCount);
  return found;
}

/** Pages that a domain owns, and references on them beyond the allocation's and its own page tables'. */
function expected(h: Hypervisor, d: Domain): { readonly pages: number; readonly references: number } {
  let pages = 0;
  let references = 0;
  for (let m = 0; m < h.frames.count; m++) {
    if (h.frames.owner[m] !== d.id) continue;
    if (h.frames.heap[m] === 0) pages++;
    references += h.frames.references[m]! - h.frames.allocated[m]!;
  }
  for (let page = 0; page < d.map.length; page++) {
    const reach = d.map.reachOf(page);
    const counts = (reach & Reach.status) !== 0 || ((reach & Reach.granted) === 0 && !d.rules.translated);
    if (counts && (reach & Reach.present) !== 0) references--;
  }
  return { pages, references };
}
