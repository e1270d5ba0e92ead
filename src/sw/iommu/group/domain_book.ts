/**
 * The domains of a driver, by number: what kind each is of, and whether it is still there.
 *
 * Source: Linux include/linux/iommu.h (IOMMU_DOMAIN_*), drivers/iommu/iommu.c (iommu_paging_domain_alloc_flags,
 * iommu_domain_free).
 */
import { type CellArray, cells, type MachineState, record } from "../../../state/index.js";
import type { Errno } from "./errno.js";

/** Number of no domain. */
export const noDomain = 0;

export type DomainKind =
  /** Everything is refused. */
  | "blocked"
  /** Addresses are those of memory. */
  | "identity"
  /** Tables of the kernel's. */
  | "paging"
  /** Tables of a guest's, whose addresses go through its parent's. */
  | "nested"
  /** Tables of a process: only for PASIDs. */
  | "sva";

const kinds: readonly DomainKind[] = ["blocked", "identity", "paging", "nested", "sva"];

export interface DomainOptions {
  readonly kind: DomainKind;
  /** Of a nested one: the domain that its tables' addresses go through. */
  readonly parent?: number;
  /** Of a paging one: writes are noted in its entries. */
  readonly dirty?: boolean;
  /** Of a paging one: domains may be nested in it. */
  readonly nests?: boolean;
  /** It may stand behind a PASID, and behind a device that has others behind PASIDs. */
  readonly pasids?: boolean;
}

const flag = { dirty: 1, nests: 2, pasids: 4 } as const;

export class DomainBook {
  readonly count: number;
  readonly #kinds: CellArray;
  readonly #parents: CellArray;
  readonly #flags: CellArray;
  readonly #direct: CellArray;
  readonly #freed: (domain: number) => void;

  /** @param count domains that there can be at a time, numbered from 1 @param o.freed told of each that goes */
  constructor(
    state: MachineState,
    count: number,
    {
      name = "domains",
      freed = () => undefined,
    }: { readonly name?: string; readonly freed?: (domain: number) => void } = {},
  ) {
    this.count = count;
    this.#freed = freed;
    const s = state.place(
      record(name, {
        kinds: cells(count + 1, "kind of each domain plus one, by its number; 0 = there is none"),
        parents: cells(count + 1, "the domain that it is nested in; 0 = none"),
        flags: cells(count + 1, "1 = dirty tracking, 2 = others may be nested in it, 4 = may stand behind PASIDs"),
        direct: cells(count + 1, "regions that are mapped to themselves in it"),
      }),
    );
    this.#kinds = s.kinds;
    this.#parents = s.parents;
    this.#flags = s.flags;
    this.#direct = s.direct;
  }

  /**
   * @returns the number of a new domain, or why there is none: EINVAL for a nested one whose parent takes none, and for a
   * parent or dirty tracking where the kind has none; ENOMEM when all numbers are taken
   */
  allocate({ kind, parent = noDomain, dirty = false, nests = false, pasids = false }: DomainOptions): number | Errno {
    if (kind === "nested" ? !this.isThere(parent) || !this.nests(parent) : parent !== noDomain) return "EINVAL";
    if ((dirty || nests) && kind !== "paging") return "EINVAL";
    for (let n = 1; n <= this.count; n++) {
      if (this.isThere(n)) continue;
      this.#kinds.set(n, kinds.indexOf(kind) + 1);
      this.#parents.set(n, parent);
      this.#flags.set(n, (dirty ? flag.dirty : 0) + (nests ? flag.nests : 0) + (pasids ? flag.pasids : 0));
      return n;
    }
    return "ENOMEM";
  }

  /** What leads to it is not looked at: that is for who frees it to know. */
  free(domain: number): void {
    for (const list of [this.#kinds, this.#parents, this.#flags, this.#direct]) list.set(domain, 0);
    this.#freed(domain);
  }

  isThere(domain: number): boolean {
    return domain > noDomain && domain <= this.count && this.#kinds.get(domain) !== 0;
  }

  /** @returns null where there is none */
  kindOf(domain: number): DomainKind | null {
    return this.isThere(domain) ? kinds[this.#kinds.get(domain) - 1]! : null;
  }

  parentOf(domain: number): number {
    return this.#parents.get(domain);
  }

  nests(domain: number): boolean {
    return (this.#flags.get(domain) & flag.nests) !== 0;
  }

  tracksDirty(domain: number): boolean {
    return (this.#flags.get(domain) & flag.dirty) !== 0;
  }

  takesPasids(domain: number): boolean {
    return (this.#flags.get(domain) & flag.pasids) !== 0;
  }

  /** A region is mapped to itself in it. */
  mapDirect(domain: number): void {
    this.#direct.set(domain, this.#direct.get(domain) + 1);
  }

  /** Regions that are mapped to themselves in it. */
  directOf(domain: number): number {
    return this.#direct.get(domain);
  }
}
