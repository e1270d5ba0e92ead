/**
 * What a descriptor asks a unit to forget when a device's domain changes: whole caches, not single pages.
 *
 * Source: VT-d 4.1, 6.5.2 (granularities), 6.5.3.3 (what is asked for after which change, and in which order); Linux
 * drivers/iommu/intel/iommu.c (domain 0 is nobody's: with caching mode, what was cached as absent is asked for by it; FLPT_DEFAULT_DID).
 */
import { read } from "../../../bits/field.js";
import { descriptorWords } from "../../../read/descriptor_words.js";
import type { EventBatch } from "../../../read/event.js";
import { functionName } from "../../../spec/pcie/requester.js";
import * as D from "../../../spec/vtd/descriptors.js";

/** Whose number is 0, and whose 1: an entry that is absent, and requests that are not translated. */
export const absentDomain = 0;
export const identityDomain = 1;

export interface Asked {
  /** Of entries (context and PASID cache), of translations (IOTLB), of a device's own translations. */
  readonly of: "entries" | "translations" | "device";
  /** Of which domain; -1: of all, or of one that is not named. */
  readonly domain: number;
  /** Of which PASID, 0 for requests without one; -1: of all. */
  readonly pasid: number;
  /** Of which device; -1: of all, or of one that is not named. */
  readonly requester: number;
  /** Bits of the requester id that are not compared: functions of the same device go with it. */
  readonly functions: number;
  readonly words: string;
}

const words = new Uint32Array(4);
const everyDevice = { requester: -1, functions: 0 } as const;
/** By FM: of a requester id's lowest bits, the number of the function, 0, 1, 2 or 3 of the upper ones. */
const maskedFunctions = [0, 4, 6, 7] as const;
/** From so many pages on it is all of a device's translations. */
const allPages = 2 ** 35;

/** @returns what event i, a `descriptor`, asks for; null where it is no whole cache */
export function askedBy(batch: EventBatch, i: number): Asked | null {
  descriptorWords(batch, i, words);
  switch (D.descriptorType(words)) {
    case D.DescriptorType.context:
      return ofContext();
    case D.DescriptorType.pasidCache:
      return ofPasidCache();
    case D.DescriptorType.iotlb:
      return ofIotlb();
    case D.DescriptorType.pasidIotlb:
      return ofPasidIotlb();
    case D.DescriptorType.deviceTlb: {
      const { page, s, sid } = D.DeviceTlbInvalidate;
      return ofDevice(read(words, 0, page), read(words, 0, s) === 1, read(words, 0, sid), 0);
    }
    case D.DescriptorType.pasidDeviceTlb: {
      const { page, s, sid, pasid, global } = D.PasidDeviceTlbInvalidate;
      const of = read(words, 0, global) === 1 ? -1 : read(words, 0, pasid);
      return ofDevice(read(words, 0, page), read(words, 0, s) === 1, read(words, 0, sid), of);
    }
    default:
      return null;
  }
}

/** Whether it takes what is held of a domain and a PASID of it. */
export const takes = (a: Asked, domain: number, pasid: number): boolean =>
  (a.domain < 0 || a.domain === domain) && (a.pasid < 0 || a.pasid === pasid);

/** Whether it takes what is held of a device; -1 for one that is not known. */
export const takesOf = ({ requester, functions }: Asked, device: number): boolean =>
  requester < 0 || device < 0 || (requester | functions) === (device | functions);

/** What it asks for in the change of a device: another device's is named. */
export const askedWords = (a: Asked, device: number): string =>
  a.requester < 0 || (device >= 0 && takesOf(a, device)) ? a.words : `${a.words} of ${functionName(a.requester)}`;

/** A context entry that leads to a PASID table is behind all PASIDs. */
function ofContext(): Asked {
  const { g, did, sid, fm } = D.ContextInvalidate;
  const granularity = read(words, 0, g);
  const domain = granularity === 1 ? -1 : read(words, 0, did);
  const requester = granularity === 3 ? read(words, 0, sid) : -1;
  const functions = maskedFunctions[read(words, 0, fm)]!;
  return { of: "entries", domain, pasid: -1, requester, functions, words: `context cache (${whose(domain)})` };
}

function ofPasidCache(): Asked {
  const { g, did, pasid } = D.PasidCacheInvalidate;
  const granularity = read(words, 0, g);
  const domain = granularity === 3 ? -1 : read(words, 0, did);
  const of = granularity === 1 ? read(words, 0, pasid) : -1;
  return {
    ...{ of: "entries", domain, pasid: of, ...everyDevice },
    words: `PASID cache (${whose(domain)}${pasidWords(of)})`,
  };
}

function ofIotlb(): Asked | null {
  const { g, did } = D.IotlbInvalidate;
  const granularity = read(words, 0, g);
  if (granularity === 3) return null;
  const domain = granularity === 1 ? -1 : read(words, 0, did);
  return { of: "translations", domain, pasid: -1, ...everyDevice, words: `IOTLB (${whose(domain)})` };
}

function ofPasidIotlb(): Asked | null {
  const { g, did, pasid } = D.PasidIotlbInvalidate;
  if (read(words, 0, g) === 3) return null;
  const [domain, of] = [read(words, 0, did), read(words, 0, pasid)];
  return {
    ...{ of: "translations", domain, pasid: of, ...everyDevice },
    words: `IOTLB by PASID (${whose(domain)}${pasidWords(of)})`,
  };
}

function ofDevice(page: number, isLong: boolean, requester: number, pasid: number): Asked | null {
  let pages = 1;
  if (isLong) for (pages = 2; pages < allPages && page % pages === pages - 1; pages *= 2);
  if (pages < allPages) return null;
  return { of: "device", domain: -1, pasid, requester, functions: 0, words: "device TLB" };
}

const whose = (domain: number): string =>
  domain < 0 ? "all" : domain === absentDomain ? "absent entries" : `domain ${domain}`;

const pasidWords = (pasid: number): string => (pasid < 0 ? "" : `, PASID ${pasid}`);
