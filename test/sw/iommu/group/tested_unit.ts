/** A unit behind the core's driver, whose devices are asked where they are led: one that is made up, or a real one. */
import type { Rng } from "../../../../src/base/rng.js";
import type { Result } from "../../../../src/sw/iommu/group/errno.js";
import type { TaggedUnit, Whose } from "../../../../src/sw/iommu/group/tagged_driver.js";

/** Frames that programs use are below it. */
export const frameMax = 4;

export interface TestedUnit extends TaggedUnit {
  /** As it was made. @param rng draws what hardware does of itself */
  forgetAll(rng: Rng): void;
  /** @param page 0: none */
  map(domain: number, frame: number, page: number): void;
  clear(domain: number): void;
  /** What tables say; 0: nothing. */
  walk(domain: number, frame: number): number;
  /** @returns the page that a device reaches; 0: it is refused */
  reach(whose: Whose, frame: number): number;
  /** @returns what is kept and is not so, in words; null: all is as tables and entries say */
  stale(ledTo: (whose: Whose) => number, idOf: (domain: number) => number): string | null;
  /** Which attachments its driver cannot make. Left out: none. */
  refuses?(asked: Whose & { readonly domain: number }): Result;
  /** Around each operation, for devices that go on meanwhile. @returns what one of them came to that must not be */
  begins?(): void;
  ends?(): string | null;
}
