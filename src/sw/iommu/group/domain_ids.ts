/**
 * Numbers by which a unit tells domains apart in its caches: VT-d's and AMD-Vi's domain ids, SMMUv3's ASIDs and VMIDs. One
 * that nobody uses any more serves again only when every unit that may keep something under it has forgotten it.
 *
 * Source: Linux drivers/iommu/intel/iommu.c of 7.0 (domain_attach_iommu, domain_detach_iommu); for one domain a number has
 * as many users as devices lead to it.
 */
import { type CellArray, cells, type MachineState, record } from "../../../state/index.js";
import { noDomain } from "./domain_book.js";
import type { Errno } from "./errno.js";

export class DomainIds {
  readonly first: number;
  readonly #count: number;
  readonly #domains: CellArray;
  readonly #users: CellArray;

  /** @param o.first what is below has a use of its own @param o.count how many there are from there on */
  constructor(
    state: MachineState,
    { first, count, name = "domain ids" }: { readonly first: number; readonly count: number; readonly name?: string },
  ) {
    this.first = first;
    this.#count = count;
    const s = state.place(
      record(name, {
        domains: cells(count, "whose each is, from the first on; 0 = free"),
        users: cells(count, "devices that lead there by it; 0 with a domain: not yet forgotten by all units"),
      }),
    );
    this.#domains = s.domains;
    this.#users = s.users;
  }

  /** The number of a domain; 0 where it has none. */
  of(domain: number): number {
    for (let n = 0; n < this.#count; n++)
      if (this.#domains.get(n) === domain && this.#users.get(n) > 0) return this.first + n;
    return 0;
  }

  /** One user more. @returns the number, or ENOSPC */
  take(domain: number): number | Errno {
    const id = this.of(domain) || this.#firstFree();
    if (id === 0) return "ENOSPC";
    const n = id - this.first;
    this.#domains.set(n, domain);
    this.#users.set(n, this.#users.get(n) + 1);
    return id;
  }

  /** One user less. @returns was it the last? Then units are to be told, and `retire` comes behind that */
  drop(id: number): boolean {
    const n = id - this.first;
    this.#users.set(n, this.#users.get(n) - 1);
    return this.#users.get(n) === 0;
  }

  /** All units have forgotten what they kept under it. */
  retire(id: number): void {
    this.#domains.set(id - this.first, noDomain);
  }

  #firstFree(): number {
    for (let n = 0; n < this.#count; n++) if (this.#domains.get(n) === noDomain) return this.first + n;
    return 0;
  }
}
