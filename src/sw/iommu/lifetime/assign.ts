/** What a hypervisor does when a device comes to a domain or leaves it: its entry, the domain's list, and who is told. */

import type { LifetimeBugs } from "./bugs.js";
import { contextOf, deviceTlbPages, iotlbDomain } from "./flushes.js";
import type { Site } from "./give_back.js";
import type { ProtocolStep } from "./protocol.js";
import { ask, awaited, change, flushed, release } from "./steps.js";
import { type ListedDevice, type Unmapping, unmap, writeBack } from "./unmap.js";

/** The device may keep translations, and is told of flushes. */
export function attach({ bugs, device }: { readonly bugs: LifetimeBugs; readonly device: ListedDevice }) {
  const enable = change("switch its ATS on", ({ devices }) => devices.enabled.set(device.number, 1));
  const list = change("list the device, if its ATS is on", ({ devices }) =>
    devices.listed.set(device.number, devices.enabled.get(device.number)),
  );
  return bugs.has("listed-before-ats") ? [list, enable] : [enable, list];
}

/** May a device send addresses as translated ones? One that is plugged in from outside may forge them. */
export const mayTranslate = (bugs: LifetimeBugs, device: { readonly isTrusted: boolean }) =>
  device.isTrusted || bugs.has("ats-for-strangers");

/** A PASID that was never attached is detached. */
export const detachNothing = ({ bugs, device }: { readonly bugs: LifetimeBugs; readonly device: ListedDevice }) =>
  change("detach a PASID that is not attached", ({ devices }) => {
    if (bugs.has("tag-dropped-twice")) devices.listed.set(device.number, 0);
  });

/** The device's list entry goes and the domain's pages are unmapped: which comes first? */
export function detachThenUnmap(o: Unmapping): readonly ProtocolStep[] {
  const unlist = change("take the device off the list", ({ devices }) => devices.listed.set(o.devices[0]!.number, 0));
  const rest = unmap(o);
  return o.bugs.has("unlisted-before-flush") ? [unlist, ...rest] : [...rest, unlist];
}

export interface Leading {
  readonly bugs: LifetimeBugs;
  readonly site: Site;
  /** Its entries: one for each requester id that the device uses. */
  readonly entries: readonly { readonly at: number; readonly requester: number; readonly words: ArrayLike<number> }[];
  /** Told when the device may reach both domains, and when it counts as the new one's. */
  readonly begins: () => void;
  readonly moved: () => void;
  /** The pages of the domain that it leaves. */
  readonly gives: boolean;
}

/** The device's entries lead to other tables, under the same tag. */
export function leadElsewhere({ bugs, site, entries, begins, moved, gives }: Leading): readonly ProtocolStep[] {
  const { did, page } = site;
  const led = bugs.has("phantom-left") ? entries.slice(0, 1) : entries;
  const forgotten = bugs.has("old-domain-not-flushed") ? [] : [iotlbDomain(did)];
  return [
    ...led.map(({ at, words }, n) =>
      change(`lead requester ${n + 1} elsewhere`, ({ memory }) => {
        begins();
        memory.store(at, words);
      }),
    ),
    ask({
      name: "ask",
      descriptors: [...led.map(({ requester }) => contextOf({ did, requester })), ...forgotten],
    }),
    awaited,
    change("count the device as the other's", ({ book }) => {
      moved();
      book.unmap(page);
      book.flushed(page);
    }),
    ...(gives ? [release({ page, keeps: "nothing" } as const)] : []),
  ];
}

export interface Destruction {
  readonly bugs: LifetimeBugs;
  readonly site: Site;
  readonly hasTlb: boolean;
  /** Memory is written at once, or by way of the processor's cache. */
  readonly cached?: boolean;
}

/** A domain dies: its device is taken from it, and then all of its pages go. */
export function destroy({ bugs, site, hasTlb, cached }: Destruction): readonly ProtocolStep[] {
  const { did, requester, frame, contextAt, page } = site;
  const inDevice = hasTlb ? [deviceTlbPages({ requester, frame })] : [];
  const entry =
    cached === true
      ? [
          change("clear the device's entry, in the processor's cache", ({ line }) => {
            line.at = contextAt;
            line.words = 4;
          }),
          ...(bugs.has("context-not-written-back") ? [] : [writeBack]),
        ]
      : [change("clear the device's entry", ({ memory }) => memory.store(contextAt, [0, 0, 0, 0]))];
  const told = ask({ name: "ask", descriptors: [contextOf({ did, requester }), iotlbDomain(did), ...inDevice] });
  const counted = change("count the page as unmapped", ({ book }) => book.unmap(page));
  const back = release({ page, keeps: "nothing" });
  if (bugs.has("deassign-stops-early")) return [change("stop at a region that is not there", () => undefined), back];
  return [...entry, counted, told, awaited, flushed(page), back];
}

/** A reserved region is mapped for a device whose assignment then fails. */
export function assignInVain(o: Unmapping): readonly ProtocolStep[] {
  const [site] = o.sites as readonly [Site];
  const isNoted = !o.bugs.has("identity-untracked");
  const store = change("map the region", ({ memory, book }) => {
    memory.store(site.leafAt, [(16 + site.page) * 4096 + 3, 0]);
    if (isNoted) book.map(site.page);
  });
  const back = release({ page: site.page, keeps: "references" });
  return isNoted
    ? [store, change("fail", () => undefined), ...unmap(o)]
    : [store, change("fail", () => undefined), back];
}
