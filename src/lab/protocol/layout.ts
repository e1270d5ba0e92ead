/** Where things stand in a machine that is explored, and who is in it. */
import type { Manners } from "../../hw/iommu/ats/device_tlb.js";
import type { OnAccess } from "../../state/index.js";

/** Frames of the machine: pages of the book begin at `pages`. */
export const place = { root: 1, context: 2, queue: 3, status: 4, tables: 5, pages: 16 } as const;

export interface DomainOptions {
  readonly did: number;
  /** Its frames, each with the page that it leads to. */
  readonly maps: readonly { readonly frame: number; readonly page: number }[];
  /** Frames whose entries are empty, for which tables stand ready. */
  readonly spare?: readonly number[];
  /** The page of the book in which its lowest table stands. Left out: its tables are no pages of the book. */
  readonly tablePage?: number;
  /** Devices may send translated requests. Default true. */
  readonly ats?: boolean;
}

export interface DeviceOptions {
  readonly requester: number;
  /** Index of its domain. */
  readonly domain: number;
  /** How it answers, where it has a TLB of its own; null: it has none. */
  readonly manners: Manners | null;
  /** The frames that it writes to, one after the other. */
  readonly writes: readonly number[];
  /** It sends addresses of this page as translated ones, asking nobody. Left out: it does not. */
  readonly forges?: number;
  /** It is pulled out when it has a translation. Default false. */
  readonly leaves?: boolean;
}

/** Owner of a page that a domain has, by the domain's index. */
export const ownerOf = (domain: number) => domain + 1;

export interface MachineOptions {
  readonly domains: readonly DomainOptions[];
  readonly devices: readonly DeviceOptions[];
  /** Pages of the book, numbered from 0; page p is owned by domain 0 unless `owners` says otherwise. */
  readonly pages: number;
  /** Owner of each page: index of a domain, or null for nobody's. */
  readonly owners?: readonly (number | null)[];
  /** Whose flushes no device is told of at first, and whose ATS is off. Default false. */
  readonly startsUnlisted?: boolean;
  /** The processor's cache may hold a store back from the unit. Default false. */
  readonly cached?: boolean;
  /** How often the unit gives a device up, at most. */
  readonly timeOuts: number;
  /** Tables and translations that the unit keeps. Default 1 of each. */
  readonly caches?: { readonly tables: number; readonly translations: number };
  readonly onAccess?: OnAccess;
}
