/**
 * What each command makes an SMMUv3 forget: no more than it must, so that what software forgot to ask for is seen.
 *
 * Source: IHI 0070 G, 4.3 (configuration), 4.4 (translations): NH_ASID leaves global entries; a first stage's commands leave
 * what a second stage alone gave, and S2_IPA what both gave; a granule and a level that are named leave what other tables,
 * and other levels, gave; with Leaf pointers to tables stay. A level 1 descriptor goes with the entry that it led to.
 */
import { read } from "../../../bits/field.js";
import * as C from "../../../spec/smmuv3/command_layouts.js";
import type { UnitCaches } from "../core/caches.js";
import type { SpaceScope } from "../core/tag.js";
import { hostDomain, hypervisorDomain, vmidBits } from "./regimes.js";

const { Command } = C;
type Words = ArrayLike<number>;

export interface TellOptions {
  /** Bits of a VMID that are not compared (CR0.VMW). */
  readonly wildcard: number;
  /** Hypervisors' streams have ASIDs (CR2.E2H). */
  readonly e2h: boolean;
}

/** @returns false: it is no invalidation. */
export function forget(caches: UnitCaches, w: Words, o: TellOptions): boolean {
  switch (read(w, 0, C.Sync.op)) {
    case Command.ste:
      forgetStreams(caches, read(w, 0, C.SteInvalidate.sid), 0);
      return true;
    case Command.steRange: {
      const { sid, range } = C.SteRangeInvalidate;
      forgetStreams(caches, read(w, 0, sid), 2 ** (read(w, 0, range) + 1) - 1);
      return true;
    }
    case Command.cd:
      forgetContext(caches, read(w, 0, C.CdInvalidate.sid), read(w, 0, C.CdInvalidate.ssid));
      return true;
    case Command.cdAll:
      caches.spaces.invalidate({ requester: read(w, 0, C.CdAllInvalidate.sid) });
      return true;
    default:
      return forgetTranslations(caches, w, o);
  }
}

function forgetStreams(caches: UnitCaches, requester: number, ignored: number): void {
  caches.devices.invalidate({ requester, ignored });
  caches.spaces.invalidate({ requester, ignored });
}

/** The descriptor of index 0 is also that of requests without substream. */
function forgetContext(caches: UnitCaches, requester: number, pasid: number): void {
  caches.spaces.invalidate({ requester, pasid });
  if (pasid === 0) caches.spaces.invalidate({ requester, pasid: null });
}

function forgetTranslations(caches: UnitCaches, w: Words, o: TellOptions): boolean {
  const vm = (): SpaceScope => ({ domain: read(w, 0, C.NhAll.vmid), ignored: o.wildcard });
  const host: SpaceScope = { domain: o.e2h ? hostDomain : hypervisorDomain };
  switch (read(w, 0, C.Sync.op)) {
    case Command.nhAll:
      forgetAll(caches, { ...vm(), space: "any" });
      break;
    case Command.nhAsid:
      forgetAll(caches, { ...vm(), space: read(w, 0, C.NhAsid.asid) });
      break;
    case Command.nhVa:
      forgetRange(caches, { ...vm(), space: read(w, 0, C.NhVa.asid) }, w);
      break;
    case Command.nhVaa:
      forgetRange(caches, { ...vm(), space: "any" }, w);
      break;
    case Command.el2All:
      forgetAll(caches, { domain: hypervisorDomain });
      forgetAll(caches, { domain: hostDomain });
      break;
    case Command.el2Asid:
      forgetAll(caches, { domain: hostDomain, space: read(w, 0, C.El2Asid.asid) });
      break;
    case Command.el2Va:
      forgetRange(caches, { ...host, space: o.e2h ? read(w, 0, C.El2Va.asid) : "any" }, w);
      break;
    case Command.el2Vaa:
      forgetRange(caches, { ...host, space: "any" }, w);
      break;
    case Command.s12VmAll:
      forgetAll(caches, vm());
      break;
    case Command.s2Ipa:
      forgetRange(caches, { ...vm(), space: null }, w);
      break;
    case Command.nsnhAll:
      forgetAll(caches, { domain: 0, ignored: vmidBits });
      break;
    default:
      return false;
  }
  return true;
}

function forgetAll(caches: UnitCaches, scope: SpaceScope): void {
  caches.translations.invalidate({ ...scope, globals: false });
  caches.tables.invalidate(scope);
}

function forgetRange(caches: UnitCaches, whose: SpaceScope, w: Words): void {
  const { leaf, ttl, tg, num, scale } = C.NhVa;
  const first = read(w, 0, read(w, 0, C.Sync.op) === Command.s2Ipa ? C.S2Ipa.page : C.NhVa.page);
  const isLeaf = read(w, 0, leaf) === 1;
  const granuleLg2 = [0, 12, 14, 16][read(w, 0, tg)]!;
  if (granuleLg2 === 0) {
    const scope = { ...whose, first, last: first };
    caches.translations.invalidate(scope);
    if (!isLeaf) caches.tables.invalidate(scope);
    return;
  }
  const pages = (read(w, 0, num) + 1) * 2 ** read(w, 0, scale) * 2 ** (granuleLg2 - 12);
  const scope = { ...whose, granuleLg2, first, last: first + pages - 1 };
  const level = levelOf(granuleLg2, read(w, 0, ttl));
  const leafLg2 = granuleLg2 + (granuleLg2 - 3) * (3 - level);
  caches.translations.invalidate(level === 0 ? scope : { ...scope, leafLg2 });
  // Tables that hold leaves of that level, and those above.
  if (!isLeaf) caches.tables.invalidate(level === 0 ? scope : { ...scope, levelMin: 3 - level });
}

/** The document's level of leaves; 0: any. There are none of level 1 with granules of 16 KiB. */
export const levelOf = (granuleLg2: number, ttl: number) => (granuleLg2 === 14 && ttl === 1 ? 0 : ttl);
