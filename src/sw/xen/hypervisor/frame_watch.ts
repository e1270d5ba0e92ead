/** Who is told what becomes of frames, and of every access to one. The hypervisor asks him nothing: he is no state of it. */
import type { EntryPlace } from "./gate_reading.js";

/** One mapping or unmapping of a grant, or one half of it. */
export interface GrantEffect {
  readonly mapper: number;
  readonly granter: number;
  readonly frame: number;
  readonly host: boolean;
  readonly device: boolean;
  readonly readOnly: boolean;
  /** A copy claims a part of the page. */
  readonly offset?: number;
  readonly length?: number;
}

export interface FrameWatch {
  /** A frame is a domain's from now on. */
  given(frame: number, domain: number): void;
  /** It is nobody's. */
  freed(frame: number): void;
  /** A grant was mapped, or claimed for a copy. @param entry where it stands */
  mapped(e: GrantEffect, entry: EntryPlace): void;
  unmapped(e: GrantEffect): void;
  /** The owner takes a page back as its own, sure that its grant is gone. */
  revoked(frame: number): void;
  /** A processor of a domain accesses a frame. */
  cpu(domain: number, frame: number, write: boolean): void;
  /** A device that works for a domain. */
  device(who: { readonly domain: number; readonly requester: number }, frame: number, write: boolean): void;
  /** The hypervisor copies for a domain: from or to its own frames, or ones whose grant it has claimed for the copy. */
  copied(domain: number, frame: number, write: boolean): void;
}

const nothing = (): void => {};

export const unwatched: FrameWatch = {
  ...{ given: nothing, freed: nothing, mapped: nothing, unmapped: nothing, revoked: nothing },
  ...{ cpu: nothing, device: nothing, copied: nothing },
};
