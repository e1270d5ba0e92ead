/** Descriptors as the driver of a VT-d unit writes them. Source: Linux drivers/iommu/intel/iommu.h (qi_desc_*). */
import { write } from "../../../bits/field.js";
import * as D from "../../../spec/vtd/descriptors.js";
import { type Covering, sizedPage } from "../covering.js";

/** @see spec/vtd/descriptors.ts for what `g` means of each */
interface Pages {
  readonly g: number;
  readonly page?: number;
  readonly am?: number;
  readonly ih?: 0 | 1;
}

export function context(o: { readonly g: number; readonly did?: number; readonly sid?: number }): Uint32Array {
  const w = new Uint32Array(4);
  write(w, 0, D.ContextInvalidate.type, D.DescriptorType.context);
  write(w, 0, D.ContextInvalidate.g, o.g);
  write(w, 0, D.ContextInvalidate.did, o.did ?? 0);
  write(w, 0, D.ContextInvalidate.sid, o.sid ?? 0);
  return w;
}

/** Reads and writes under way are drained, as Linux asks for wherever a unit can. */
export function iotlb(o: Pages & { readonly did?: number }): Uint32Array {
  const w = new Uint32Array(4);
  write(w, 0, D.IotlbInvalidate.type, D.DescriptorType.iotlb);
  write(w, 0, D.IotlbInvalidate.g, o.g);
  write(w, 0, D.IotlbInvalidate.dw, 1);
  write(w, 0, D.IotlbInvalidate.dr, 1);
  write(w, 0, D.IotlbInvalidate.did, o.did ?? 0);
  write(w, 0, D.IotlbInvalidate.am, o.am ?? 0);
  write(w, 0, D.IotlbInvalidate.ih, o.ih ?? 0);
  write(w, 0, D.IotlbInvalidate.page, (o.page ?? 0) as never);
  return w;
}

export function pasidIotlb(o: Pages & { readonly did: number; readonly pasid: number }): Uint32Array {
  const w = new Uint32Array(4);
  write(w, 0, D.PasidIotlbInvalidate.type, D.DescriptorType.pasidIotlb);
  write(w, 0, D.PasidIotlbInvalidate.g, o.g);
  write(w, 0, D.PasidIotlbInvalidate.did, o.did);
  write(w, 0, D.PasidIotlbInvalidate.pasid, o.pasid);
  write(w, 0, D.PasidIotlbInvalidate.am, o.am ?? 0);
  write(w, 0, D.PasidIotlbInvalidate.ih, o.ih ?? 0);
  write(w, 0, D.PasidIotlbInvalidate.page, (o.page ?? 0) as never);
  return w;
}

export function pasidCache(o: { readonly g: number; readonly did?: number; readonly pasid?: number }): Uint32Array {
  const w = new Uint32Array(4);
  write(w, 0, D.PasidCacheInvalidate.type, D.DescriptorType.pasidCache);
  write(w, 0, D.PasidCacheInvalidate.g, o.g);
  write(w, 0, D.PasidCacheInvalidate.did, o.did ?? 0);
  write(w, 0, D.PasidCacheInvalidate.pasid, o.pasid ?? 0);
  return w;
}

export function deviceTlb(sid: number, range: Covering): Uint32Array {
  const w = new Uint32Array(4);
  write(w, 0, D.DeviceTlbInvalidate.type, D.DescriptorType.deviceTlb);
  write(w, 0, D.DeviceTlbInvalidate.sid, sid);
  write(w, 0, D.DeviceTlbInvalidate.s, range.lg2 === 0 ? 0 : 1);
  write(w, 0, D.DeviceTlbInvalidate.page, sizedPage(range) as never);
  return w;
}
