/** Descriptors that tell a VT-d unit and its devices to forget. Source: VT-d 4.1, 6.5.2. */
import { write } from "../../../bits/field.js";
import * as D from "../../../spec/vtd/descriptors.js";

function descriptor(set: (w: Uint32Array) => void): Uint32Array {
  const words = new Uint32Array(4);
  set(words);
  return words;
}

/** Pages of a domain in the IOTLB; writes under way reach memory first. @param o.leaves cached tables stay (the hint) */
export const iotlbPages = (o: {
  readonly did: number;
  readonly frame: number;
  readonly lg2?: number;
  readonly leaves?: boolean;
}) =>
  descriptor((w) => {
    write(w, 0, D.IotlbInvalidate.type, D.DescriptorType.iotlb);
    write(w, 0, D.IotlbInvalidate.g, 3);
    write(w, 0, D.IotlbInvalidate.dw, 1);
    write(w, 0, D.IotlbInvalidate.did, o.did);
    write(w, 0, D.IotlbInvalidate.am, o.lg2 ?? 0);
    write(w, 0, D.IotlbInvalidate.ih, o.leaves === true ? 1 : 0);
    write(w, 0, D.IotlbInvalidate.page, o.frame as never);
  });

/** All of a domain in the IOTLB. */
export const iotlbDomain = (did: number) =>
  descriptor((w) => {
    write(w, 0, D.IotlbInvalidate.type, D.DescriptorType.iotlb);
    write(w, 0, D.IotlbInvalidate.g, 2);
    write(w, 0, D.IotlbInvalidate.dw, 1);
    write(w, 0, D.IotlbInvalidate.did, did);
  });

/** A device's context entry. */
export const contextOf = (o: { readonly did: number; readonly requester: number }) =>
  descriptor((w) => {
    write(w, 0, D.ContextInvalidate.type, D.DescriptorType.context);
    write(w, 0, D.ContextInvalidate.g, 3);
    write(w, 0, D.ContextInvalidate.did, o.did);
    write(w, 0, D.ContextInvalidate.sid, o.requester);
  });

/** A page, or 2^lg2 of them, in the device's own TLB. */
export const deviceTlbPages = (o: { readonly requester: number; readonly frame: number; readonly lg2?: number }) =>
  descriptor((w) => {
    const lg2 = o.lg2 ?? 0;
    write(w, 0, D.DeviceTlbInvalidate.type, D.DescriptorType.deviceTlb);
    write(w, 0, D.DeviceTlbInvalidate.sid, o.requester);
    write(w, 0, D.DeviceTlbInvalidate.s, lg2 > 0 ? 1 : 0);
    write(w, 0, D.DeviceTlbInvalidate.page, (lg2 > 0 ? o.frame + 2 ** (lg2 - 1) - 1 : o.frame) as never);
  });
