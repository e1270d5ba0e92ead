/**
 * What an event asks a unit, or a device, to forget.
 *
 * Source: VT-d 4.1, 6.5.2 (what each granularity takes); Linux drivers/iommu/intel/cache.c (what is traced of it).
 */
import { frameBytes } from "../../../base/frame.js";
import { read } from "../../../bits/field.js";
import { descriptorWords } from "../../../read/descriptor_words.js";
import { type EventBatch, EventKind } from "../../../read/event.js";
import * as D from "../../../spec/vtd/descriptors.js";

/** Translations from byte `from` to byte `to`, the end left out. */
export interface Invalidation {
  /** Which caches: a unit's, or those of devices. */
  readonly of: "unit" | "device";
  /** Of which domain, by its id; -1: of all. For a device's cache NaN where only the device is named. */
  readonly domain: number;
  /** Of which device, bus number and function as its requester id; NaN where none is named. */
  readonly requester: number;
  readonly from: number;
  readonly to: number;
  /** A descriptor was posted; else the driver set out to. */
  readonly posted: boolean;
}

const words = new Uint32Array(4);
const all = { from: 0, to: Number.POSITIVE_INFINITY } as const;

/** @returns what event i invalidates of translations; null for one that does not */
export function invalidationOf(batch: EventBatch, i: number): Invalidation | null {
  if (batch.kind[i] === EventKind.descriptor) {
    descriptorWords(batch, i, words);
    return posted();
  }
  if (batch.kind[i] !== EventKind.cacheFlushed) return null;
  const isAll = Number.isNaN(batch.dma[i]!);
  const from = isAll ? 0 : batch.dma[i]!;
  const to = isAll || batch.phys[i]! < 0 ? Number.POSITIVE_INFINITY : batch.phys[i]! + 1;
  const of = batch.mask[i] === 1 || batch.mask[i] === 3 ? "device" : "unit";
  return { of, domain: batch.size[i]!, requester: Number.NaN, from, to, posted: false };
}

function posted(): Invalidation | null {
  switch (D.descriptorType(words)) {
    case D.DescriptorType.iotlb:
      return ofUnit(D.IotlbInvalidate, read(words, 0, D.IotlbInvalidate.g) === 1);
    case D.DescriptorType.pasidIotlb:
      // Of another PASID than that of requests without one: not what the DMA API maps.
      return read(words, 0, D.PasidIotlbInvalidate.pasid) === 0 ? ofUnit(D.PasidIotlbInvalidate, false) : null;
    case D.DescriptorType.deviceTlb:
      return ofDevice(D.DeviceTlbInvalidate);
    case D.DescriptorType.pasidDeviceTlb: {
      const { pasid, global } = D.PasidDeviceTlbInvalidate;
      const isOurs = read(words, 0, pasid) === 0 || read(words, 0, global) === 1;
      return isOurs ? ofDevice(D.PasidDeviceTlbInvalidate) : null;
    }
    default:
      return null;
  }
}

/** Pages of one domain where the granularity is 3, else all of it. */
function ofUnit(fields: typeof D.IotlbInvalidate | typeof D.PasidIotlbInvalidate, isOfAll: boolean): Invalidation {
  const of = { of: "unit", requester: Number.NaN, posted: true } as const;
  const domain = isOfAll ? -1 : read(words, 0, fields.did);
  if (read(words, 0, fields.g) !== 3) return { ...of, domain, ...all };
  const bytes = 2 ** read(words, 0, fields.am) * frameBytes;
  const page = read(words, 0, fields.page) * frameBytes;
  const from = page - (page % bytes);
  return { ...of, domain, from, to: from + bytes };
}

/** The size is in the address: as many pages as its lowest zero says, one where `s` is 0. */
function ofDevice(fields: typeof D.DeviceTlbInvalidate | typeof D.PasidDeviceTlbInvalidate): Invalidation {
  let page: number = read(words, 0, fields.page);
  let pages = 1;
  if (read(words, 0, fields.s) === 1) {
    for (pages = 2; page % pages === pages - 1; pages *= 2);
    page -= page % pages;
  }
  const from = page * frameBytes;
  const requester = read(words, 0, fields.sid);
  return { of: "device", domain: Number.NaN, requester, from, to: from + pages * frameBytes, posted: true };
}
