/** Pools that the recorded requests are tried on, and what becomes of them there. */
import type { Profile } from "../../../sw/swiotlb/index.js";

export interface Setting {
  readonly slots: number;
  readonly areas: number;
  readonly forced: boolean;
}

/** One setting of the pool that the same requests were replayed on. */
export interface WhatIf extends Setting {
  readonly bounced: number;
  readonly failed: number;
  readonly hiwater: number;
}

/** A pool to replay on instead of the recorded one; without slots there is none. */
export interface Replacement extends Setting {
  /** Search rules; the recorded kernel's where nothing else is said. */
  readonly profile?: Profile;
}
