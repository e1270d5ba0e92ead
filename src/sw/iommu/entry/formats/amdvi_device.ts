/**
 * What an AMD-Vi unit looks at in a device table entry, for translation and for interrupts.
 *
 * Source: AMD IOMMU 48882, 2.2.2.1 and table 7 (what V, TV, IV and GV make count).
 */
import { read } from "../../../../bits/field.js";
import { DeviceEntry as E } from "../../../../spec/amdvi/device_entry.js";
import type { EntryFormat } from "../entry_format.js";

const isValid = (e: Uint32Array) => read(e, 0, E.v) === 1;
const isTranslated = (e: Uint32Array) => isValid(e) && read(e, 0, E.tv) === 1;
const isHost = (e: Uint32Array) => isTranslated(e) && read(e, 0, E.mode) !== 0;
const isGuest = (e: Uint32Array) => isTranslated(e) && read(e, 0, E.gv) === 1;

export const amdviDevice: Readonly<EntryFormat> = {
  about: E.$,
  present: E.v,
  // Where V is 0 addresses pass untranslated.
  blocking: [[E.v, 1]],
  uses: [
    { fields: [E.v, E.iv] },
    { when: isValid, fields: [E.tv, E.i, E.se, E.sa, E.ioctl, E.cache, E.sd, E.ex, E.sysmgt, E.ppr] },
    { when: isTranslated, fields: [E.mode, E.ir, E.iw, E.did, E.gv, E.had] },
    { when: isHost, fields: [E.frame] },
    {
      when: isGuest,
      fields: [E.glx, E.gcr3Low, E.gcr3Middle, E.gcr3High, E.giov, E.gprp, E.guestPagingMode],
    },
    {
      when: (e) => read(e, 0, E.iv) === 1,
      fields: [E.intTabLen, E.ig, E.intRoot, E.initPass, E.eIntPass, E.nmiPass, E.intCtl, E.lint0Pass, E.lint1Pass],
    },
  ],
  harmless: [],
};
