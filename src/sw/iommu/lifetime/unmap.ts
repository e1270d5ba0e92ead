/**
 * What hypervisors and kernels do to take pages from a device's reach: entries go, whoever may remember is told, and only
 * then a page goes.
 */

import type { LifetimeBugs } from "./bugs.js";
import { deviceTlbPages, iotlbDomain, iotlbPages } from "./flushes.js";
import type { Site } from "./give_back.js";
import type { Kernel, ProtocolStep } from "./protocol.js";
import { ask, awaited, change, clear, flushed, release } from "./steps.js";

/** A device with a TLB of its own, as the list of a domain's devices knows it. */
export interface ListedDevice {
  /** Its number among the devices of the domain. */
  readonly number: number;
  readonly requester: number;
  readonly kind: "function" | "subdevice";
  /** The domain that uses it does not own it. */
  readonly hidden: boolean;
}

export interface Unmapping {
  readonly bugs: LifetimeBugs;
  /** Entries that go, of neighbouring frames; the first is aligned to all of them. */
  readonly sites: readonly Site[];
  readonly devices: readonly ListedDevice[];
  /** Of one entry that covers all of `sites`: how many of them were asked for. Left out: each has its own, all are. */
  readonly asked?: number;
  /** The whole domain is unmapped. */
  readonly everything?: boolean;
}

/** Frames that a flush names. */
interface Gathered {
  readonly frame: number;
  readonly count: number;
}

const addressBits = 2 ** 32;

/** What is flushed for what was unmapped; null: nothing. */
export function gather({ sites, asked, bugs }: Pick<Unmapping, "sites" | "asked" | "bugs">): Gathered | null {
  if (bugs.has("gather-never-filled")) return null;
  const [{ frame }] = sites as readonly [Site];
  const count = bugs.has("large-entry-flushed-in-part") ? (asked ?? sites.length) : sites.length;
  if (!bugs.has("range-ends-at-the-top")) return { frame, count };
  // The notifier's end is the last address there is, and rounding it up to a page leaves none.
  const end = (addressBits - 1 + 4095) % addressBits;
  return end <= frame * 4096 ? null : { frame, count };
}

/** Those of a domain's devices that a flush is told to. */
const told = ({ devices, bugs }: Unmapping, k: Kernel) =>
  devices.filter((d) => {
    if (k.devices.listed.get(d.number) === 0) return false;
    if (d.kind === "subdevice" && bugs.has("subdevices-not-listed")) return false;
    return !(d.hidden && bugs.has("hidden-devices-skipped"));
  });

function flush(o: Unmapping, { frame, count }: Gathered): ProtocolStep {
  const { did } = o.sites[0]!;
  const lg2 = Math.ceil(Math.log2(count));
  const isPage0 = o.everything === true && o.bugs.has("flush-all-as-page-0");
  const pages = isPage0 ? { frame: 0, lg2: 0 } : { frame, lg2 };
  const inUnit = o.everything === true && !isPage0 ? iotlbDomain(did) : iotlbPages({ did, ...pages });
  return ask({
    name: "ask",
    descriptors: (k) => [inUnit, ...told(o, k).map(({ requester }) => deviceTlbPages({ requester, ...pages }))],
  });
}

const flushes = (o: Unmapping): readonly ProtocolStep[] => {
  const gathered = gather(o);
  return gathered === null ? [] : [flush(o, gathered), awaited];
};

const named = (step: ProtocolStep, site: Site, sites: readonly Site[]): ProtocolStep =>
  sites.length === 1 ? step : { ...step, name: `${step.name} ${sites.indexOf(site) + 1}` };

/** Unmap, flush, and give the pages back. */
export function unmap(o: Unmapping): readonly ProtocolStep[] {
  const { sites, bugs } = o;
  const back = sites.map((site) => named(release({ page: site.page, keeps: "nothing" }), site, sites));
  const isEarly = bugs.has("batch-freed-early") || bugs.has("lazy-window");
  return [
    ...sites.map((site) => named(clear(site), site, sites)),
    ...(isEarly ? back : []),
    ...flushes(o),
    ...sites.map((site) => named(flushed(site.page), site, sites)),
    ...(isEarly ? [] : back),
  ];
}

/** An entry goes that is larger than what is asked for; then the rest of it is asked for, and is no longer there. */
export function unmapInPieces(o: Unmapping): readonly ProtocolStep[] {
  const { sites } = o;
  const [first, rest] = [sites.slice(0, o.asked ?? 1), sites.slice(o.asked ?? 1)];
  const back = (site: Site) => named(release({ page: site.page, keeps: "nothing" }), site, sites);
  return [
    change("clear the entry that covers both", (k) => {
      for (const site of sites) k.memory.store(site.leafAt, [0, 0]);
      for (const site of sites) k.book.unmap(site.page);
    }),
    ...flushes(o),
    ...first.map((site) => named(flushed(site.page), site, sites)),
    ...first.map(back),
    change("find nothing more to unmap", () => undefined),
    ...rest.map((site) => named(flushed(site.page), site, sites)),
    ...rest.map(back),
  ];
}

/** The entry is part of a larger one, which cannot be split for want of memory: it stays. */
export function unmapWithoutMemory({ sites, bugs }: Pick<Unmapping, "sites" | "bugs">): readonly ProtocolStep[] {
  const [{ page }] = sites as readonly [Site];
  return [
    change("fail to split the entry", () => undefined),
    ...(bugs.has("removal-failure-ignored") ? [release({ page, keeps: "nothing" })] : []),
  ];
}

/** Devices may only read the page any more. */
export function protect(o: Unmapping): readonly ProtocolStep[] {
  const [site] = o.sites as readonly [Site];
  const isSame = o.bugs.has("rights-change-not-flushed");
  return [
    change("take the right to write from the entry", ({ memory }) => {
      const low = memory.load32(site.leafAt);
      memory.store(site.leafAt, [low - (low & 2), 0]);
    }),
    ...(isSame ? [] : flushes(o)),
    change("count the page as only read", ({ book }) => book.protect(site.page)),
  ];
}

/** A page's references go with its entry; then its owner gives another page back, to which an entry leads. */
export function unmapBesideAnother(o: Unmapping & { readonly other: number }): readonly ProtocolStep[] {
  const [site] = o.sites as readonly [Site];
  const pages = o.bugs.has("unpinned-beyond") ? [site.page, o.other] : [site.page];
  return [
    change("clear the entry and drop its references", ({ memory, book }) => {
      memory.store(site.leafAt, [0, 0]);
      for (const page of pages) book.unmap(page);
    }),
    ...flushes(o),
    change("done", ({ book }) => {
      for (const page of pages) book.flushed(page);
    }),
    release({ page: o.other, keeps: "references" }),
  ];
}

/** The store stays in the processor's cache, which the unit does not look into, until it is written back. */
export function unmapThroughCache(o: Unmapping): readonly ProtocolStep[] {
  const [site] = o.sites as readonly [Site];
  return [
    change("clear the entry, in the processor's cache", ({ line, book }) => {
      line.at = site.leafAt;
      line.words = 2;
      book.unmap(site.page);
    }),
    ...(o.bugs.has("entry-not-written-back") ? [] : [writeBack]),
    ...flushes(o),
    flushed(site.page),
    release({ page: site.page, keeps: "nothing" }),
  ];
}

/** The line reaches memory, if it has not. */
export const writeBack = change("write the line back", ({ line, memory }) => {
  if (line.at !== 0) memory.store(line.at, new Array(line.words).fill(0));
  line.at = line.words = 0;
});

/** A page moves to another frame, the flush of the old one put off to the end of a batch. */
export function move(o: Unmapping & { readonly to: Site }): readonly ProtocolStep[] {
  const [from] = o.sites as readonly [Site];
  return [
    change("move the page's entry", ({ memory, book }) => {
      const low = memory.load32(from.leafAt);
      memory.store(from.leafAt, [0, 0]);
      book.unmap(from.page);
      memory.store(o.to.leafAt, [low, 0]);
      book.map(from.page);
    }),
    ...flushes({ ...o, bugs: new Set() }),
    flushed(from.page),
  ];
}

/** Beside it: the page is removed from where it is now. */
export function removeMoved(o: Unmapping): readonly ProtocolStep[] {
  const [site] = o.sites as readonly [Site];
  const keeps = o.bugs.has("moved-page-unreferenced") ? "nothing" : "references";
  return [
    { ...clear(site), when: ({ memory }) => (memory.load32(site.leafAt) & 3) !== 0 },
    ...flushes({ ...o, bugs: new Set() }),
    flushed(site.page),
    release({ page: site.page, keeps }),
  ];
}
