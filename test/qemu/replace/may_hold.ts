/**
 * Translations that a unit may hold, by page: where they lead, and the tags under which it may have put them. Whether it went by the
 * entry as it stands or by one that it keeps is not seen where both lead alike, and decides under which tag a translation stays.
 */
import type { ReplacedUnit } from "./replaced_unit.js";

/** The domain under which translations of an entry are kept; null where none are. */
export function tagOf({ of }: ReplacedUnit, entry: Uint32Array): string | null {
  const found = of.found(entry);
  return "state" in found && found.state === "translated" ? of.tagOf(found).domain : null;
}

export class MayHold {
  readonly #pages = new Map<number, Map<number, Set<string>>>();

  clear(): void {
    this.#pages.clear();
  }

  /** A frame led to a page, by an entry with one of these tags. */
  note(frame: number, page: number, tags: readonly (string | null)[]): void {
    const led = this.#pages.get(frame) ?? new Map<number, Set<string>>();
    const under = led.get(page) ?? new Set<string>();
    for (const tag of tags) if (tag !== null) under.add(tag);
    if (under.size > 0) this.#pages.set(frame, led.set(page, under));
  }

  forget(tag: string): void {
    for (const led of this.#pages.values())
      for (const [page, under] of led) if (under.delete(tag) && under.size === 0) led.delete(page);
  }

  /** The pages to which a frame may still lead. */
  of(frame: number): readonly number[] {
    return [...(this.#pages.get(frame)?.keys() ?? [])];
  }
}
