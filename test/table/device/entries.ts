/** One device's entries in every kind of unit, good ones but for what a test names. */
import { DeviceEntry } from "../../../src/spec/amdvi/device_entry.js";
import { Gcr3Entry } from "../../../src/spec/amdvi/guest_cr3.js";
import { ContextDescriptor as Cd } from "../../../src/spec/smmuv3/context_descriptor.js";
import { StreamEntry as Ste } from "../../../src/spec/smmuv3/stream_table.js";
import { ContextEntry, ScalableContextEntry } from "../../../src/spec/vtd/context_entry.js";
import { PasidDirectoryEntry, PasidEntry } from "../../../src/spec/vtd/pasid.js";
import { RootEntry, ScalableRootEntry } from "../../../src/spec/vtd/root_entry.js";
import { Built } from "./built.js";

export const [root, context, directory, table] = [0x1000, 0x2000, 0x3000, 0x4000];
/** 00:03.0 */
export const device = 0x18;

export type Values = Readonly<Record<string, number>>;
// ---- VT-d legacy ----

export const legacyGood = { p: 1, tt: 0, frame: 0x9, aw: 2, did: 5 };
export const legacy = (values: Values | null, rootValues: Values | null = { p: 1, frame: context / 4096 }) => {
  const built = new Built();
  if (rootValues !== null) built.put(root, RootEntry, rootValues);
  if (values !== null) built.put(context + device * 16, ContextEntry, values);
  return built;
};

// ---- VT-d scalable ----

export const contextGood = { p: 1, pdts: 0, frame: directory / 4096 };
export const pasidGood = { p: 1, aw: 2, pgtt: 2, ssFrame: 0x9, did: 5 };
export interface Scalable {
  readonly root?: Values | null;
  readonly context?: Values | null;
  readonly directory?: Values | null;
  readonly entry?: Values | null;
  readonly pasid?: number;
}
export const scalable = (o: Scalable = {}) => {
  const built = new Built();
  const pasid = o.pasid ?? 0;
  const put = (at: number, layout: object, values: Values | null) => values !== null && built.put(at, layout, values);
  put(root, ScalableRootEntry, o.root === undefined ? { lowerP: 1, lower: context / 4096 } : o.root);
  put(context + device * 32, ScalableContextEntry, o.context === undefined ? contextGood : o.context);
  put(
    directory + (pasid >> 6) * 8,
    PasidDirectoryEntry,
    o.directory === undefined ? { p: 1, frame: table / 4096 } : o.directory,
  );
  put(table + (pasid & 63) * 64, PasidEntry, o.entry === undefined ? pasidGood : o.entry);
  return built;
};
export const entry = (values: Values) => scalable({ entry: { ...pasidGood, ...values } });

// ---- AMD-Vi ----

export const dteGood = { v: 1, tv: 1, mode: 3, frame: 9, ir: 1, iw: 1, did: 5 };
export const dte = (values: Values) => new Built().put(root + device * 32, DeviceEntry, { ...dteGood, ...values });
export const guest = { mode: 0, gv: 1, gcr3Middle: 0, gcr3Low: table / 4096 };
export const withGcr3 = (values: Values, pasid = 0, gcr3: Values = { v: 1, frame: 9 }) =>
  dte({ ...guest, ...values }).put(table + pasid * 8, Gcr3Entry, gcr3);

// ---- SMMUv3 ----

export const cdGood = { v: 1, aa64: 1, t0sz: 16, ips: 5, epd1: 1, a: 1, ttb0: 0x9000 / 16, asid: 3 };
export const steFirst = { v: 1, config: 5, s1Context: table / 64 };
export const steSecond = { v: 1, config: 6, s2Aa64: 1, s2T0sz: 24, s2Sl0: 1, s2Ps: 5, s2Ttb: 0x9000 / 16, s2Vmid: 4 };
export const ste = (values: Values) => new Built().put(root + device * 64, Ste, values);
export const cd = (values: Values, first: Values = {}, substream = 0) =>
  ste({ ...steFirst, ...first }).put(table + substream * 64, Cd, { ...cdGood, ...values });
