/**
 * A guest's VT-d unit in scalable mode: its first stages are nested, and what it forgets of them is forgotten under the host's
 * domain ids. A host flushes devices' TLBs with its own domains, and so does not ask them once more when the guest does.
 *
 * Source: Linux drivers/iommu/intel/nested.c (intel_nested_cache_invalidate_user), cache.c (cache_tag_flush_range); QEMU
 * hw/i386/intel_iommu.c (a context or PASID cache invalidation is where tables are looked at again).
 */
import { type Field, read, write } from "../../../bits/field.js";
import * as D from "../../../spec/vtd/descriptors.js";
import { PasidEntry } from "../../../spec/vtd/pasid.js";
import { allFrames, type Covering } from "../covering.js";
import { deviceTlb, pasidIotlb } from "../vtd/commands.js";
import type { GuestTagged, GuestVendor } from "./guest_vendor.js";

const { DescriptorType: Type } = D;
const selective = 3;

export const vtdGuest: GuestVendor = {
  entry: PasidEntry.$,
  tagOf: "attachment",

  changesEntries(command) {
    const type = D.descriptorType(command);
    return type === Type.context || type === Type.pasidCache;
  },

  carriedOver(command, { devices }) {
    switch (D.descriptorType(command)) {
      case Type.pasidIotlb: {
        const did = read(command, 0, D.PasidIotlbInvalidate.did);
        return devices.filter((d) => d.guestId === did).flatMap((d) => forgotten(command, d));
      }
      case Type.iotlb: {
        const { g, did } = D.IotlbInvalidate;
        const isAll = read(command, 0, g) === 1;
        const whose = devices.filter((d) => isAll || d.guestId === read(command, 0, did));
        return whose.flatMap((d) => [pasidIotlb({ g: 2, did: d.id, pasid: 0 }), ...asked(d, allFrames)]);
      }
      default:
        return [];
    }
  },
};

function forgotten(command: Uint32Array, d: GuestTagged): Uint32Array[] {
  const { g, did, page, am } = D.PasidIotlbInvalidate;
  const own = renamed(command, did, d.id);
  const isPaged = read(command, 0, g) === selective;
  return [own, ...asked(d, isPaged ? { page: read(command, 0, page), lg2: read(command, 0, am) } : allFrames)];
}

const asked = ({ device }: GuestTagged, range: Covering): Uint32Array[] =>
  device.ats ? [deviceTlb(device.requester, range)] : [];

function renamed(command: Uint32Array, field: Field, to: number): Uint32Array {
  const words = command.slice();
  write(words, 0, field, to);
  return words;
}
