/**
 * Which rules a kernel's pool follows, as data.
 *
 * A profile is a kernel's behaviour as it was released; a historic bug (bugs.ts) changes single rules of it.
 * Source: Linux kernel/dma/swiotlb.c, the search of one area and the computation of the padding before a mapping.
 */
import { pageBytesOf } from "../../spec/linux/page_size.js";

/** The rules of searches and copies; every difference between kernels is a field here, the code reads nothing else. */
export interface PoolRules {
  /**
   * True: the allocation mask filters every candidate on its own. False: it is merged into the device's mask, and so
   * compared with the buffer's address, and not at all when that address is 0.
   */
  readonly allocMaskApart: boolean;
  /** The device's mask keeps only bits that the allocation mask lacks. */
  readonly masksDisjoint: boolean;
  /** When requests of a page or more start on a page: always, only with no other mask, or never. */
  readonly pageRule: "always" | "unmasked" | "never";
  /** Bytes of a page of this kernel, a power of two. */
  readonly pageBytes: number;
  /** Address bits under the allocation mask are preserved by padding slots; false: only those inside one slot. */
  readonly padSlots: boolean;
  /** Free runs end at the end of the pool, not only at the end of the slot set. */
  readonly runsEndWithPool: boolean;
  /** The walk counts the slots it has checked; false: it ends when it meets its first slot again. */
  readonly countsSteps: boolean;
  /** The walk begins at a multiple of the stride behind the area's index, and pages double the stride. */
  readonly startAligned: boolean;
  /** With several pools: one area of each pool before the next area; false: one pool before the next. */
  readonly areasFirst: boolean;
  /** What no pool can serve is refused before any is searched, and asks for no further pool. */
  readonly refusesTooLarge: boolean;
  /** Mapping copies the buffer in even when only the device will write it. */
  readonly mapAlwaysCopies: boolean;
  /** A sync for the device copies even into what only the device writes. */
  readonly syncAlwaysCopies: boolean;
  /** A sync copies at the same distance from the start of the buffer as of the mapping. */
  readonly syncKeepsDistance: boolean;
  /** In the second slot or later a sync may begin before the offset that the first slot keeps. */
  readonly syncOffsetSigned: boolean;
  /** An allocation from a restricted pool that does not start on a page is refused. */
  readonly checksPages: boolean;
}

export interface Profile {
  readonly id: string;
  readonly kernels: string;
  readonly source: string;
  readonly rules: PoolRules;
}

export const today: Profile = {
  id: "today",
  kernels: "6.9 and later",
  source: "Linux commits 04867a7a3332, 51b30ecb73b4, 14cebf689a78, af133562d5af, 55c543865bb4",
  rules: {
    allocMaskApart: true,
    masksDisjoint: true,
    pageRule: "unmasked",
    pageBytes: 4096,
    padSlots: true,
    runsEndWithPool: true,
    countsSteps: true,
    startAligned: false,
    areasFirst: true,
    refusesTooLarge: true,
    mapAlwaysCopies: true,
    syncAlwaysCopies: false,
    syncKeepsDistance: true,
    syncOffsetSigned: true,
    checksPages: true,
  },
};

export const before2024: Profile = {
  id: "before-2024",
  kernels: "6.3 to 6.8",
  source: "Linux commits 0eee5ae10256, bbb73a103fbb; kernel/dma/swiotlb.c of 6.6",
  rules: {
    allocMaskApart: false,
    masksDisjoint: false,
    pageRule: "always",
    pageBytes: 4096,
    padSlots: false,
    runsEndWithPool: true,
    countsSteps: true,
    startAligned: false,
    areasFirst: false,
    refusesTooLarge: false,
    mapAlwaysCopies: true,
    syncAlwaysCopies: false,
    syncKeepsDistance: true,
    syncOffsetSigned: false,
    checksPages: false,
  },
};

export const before2023: Profile = {
  id: "before-2023",
  kernels: "5.19 to 6.2",
  source: "Linux commits 20347fca71a3, 7c3940bf81e5 (what it removed); kernel/dma/swiotlb.c of 6.1",
  rules: {
    ...before2024.rules,
    pageRule: "never",
    countsSteps: false,
    startAligned: true,
  },
};

export const profiles: readonly Profile[] = [today, before2024, before2023];

const withOtherPages = new Map<string, Profile>();

/** The same rules of a kernel with pages of another size. One object for each, so that profiles can be compared. */
export function withPages(profile: Profile, pageBytes: number): Profile {
  if (profile.rules.pageBytes === pageBytes) return profile;
  const key = `${profile.id} ${pageBytes}`;
  const known = withOtherPages.get(key);
  if (known !== undefined) return known;
  const made = { ...profile, rules: { ...profile.rules, pageBytes } };
  withOtherPages.set(key, made);
  return made;
}

/**
 * The profile of a kernel by its release ("6.12.41-1"); today's for one that cannot be read.
 *
 * A long-term kernel may have later rules than its release: some of 2024's fixes went back to 6.6.y.
 * @param pageBytes its pages, where the release does not say them ("-16k")
 */
export function profileOf(kernel: string | null, pageBytes: number | null = null): Profile {
  return withPages(rulesOf(kernel), pageBytes ?? pageBytesOf(kernel) ?? 4096);
}

function rulesOf(kernel: string | null): Profile {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(kernel ?? "") ?? [];
  if (major === undefined || minor === undefined) return today;
  const release = Number(major) * 1000 + Number(minor);
  return release >= 6009 ? today : release >= 6003 ? before2024 : before2023;
}
