/**
 * Device table entries as Linux makes them, by what a device is attached to.
 *
 * Source: Linux drivers/iommu/amd/iommu.c (amd_iommu_make_clear_dte, amd_iommu_set_dte_v1, set_dte_passthrough,
 * set_dte_gcr3_table), nested.c (set_dte_nested); Xen drivers/passthrough/amd/iommu_map.c (amd_iommu_set_root_page_table).
 */
import { DeviceEntry as E } from "../../../../spec/amdvi/device_entry.js";
import { entryOf, type FieldValue } from "../fields.js";

export interface DeviceContents {
  readonly did: number;
  /** Frame of the top host table; four levels. */
  readonly host: number;
  /** Frame of the GCR3 table. */
  readonly gcr3: number;
  readonly ats: boolean;
}

const valid: readonly FieldValue[] = [
  [E.v, 1],
  [E.tv, 1],
  [E.ir, 1],
  [E.iw, 1],
];
const levels = 4;

const tagOf = ({ did, ats }: DeviceContents): readonly FieldValue[] => [
  [E.did, did],
  [E.i, ats ? 1 : 0],
];
const hostOf = (c: DeviceContents): readonly FieldValue[] => [
  ...valid,
  ...tagOf(c),
  [E.mode, levels],
  [E.frame, c.host],
];
/** The address of the GCR3 table lies in three places. @param five levels of the guest's tables, instead of four */
const guestOf = ({ gcr3 }: DeviceContents, five: boolean): readonly FieldValue[] => [
  [E.gv, 1],
  [E.giov, 1],
  [E.gcr3Low, gcr3 & 7],
  [E.gcr3Middle, (gcr3 >>> 3) & 0xffff],
  [E.gcr3High, Math.floor(gcr3 / 2 ** 19)],
  [E.guestPagingMode, five ? 1 : 0],
];

export const deviceKinds = {
  blocked: { title: "blocked", fields: () => [[E.v, 1]] },
  identity: { title: "identity", fields: (c) => [...valid, ...tagOf(c)] },
  v1: { title: "host table", fields: (c) => hostOf(c) },
  v2: { title: "guest table", fields: (c) => [...valid, ...tagOf(c), ...guestOf(c, false)] },
  nested: { title: "both stages", fields: (c) => [...hostOf(c), ...guestOf(c, false)] },
  nested5: { title: "both stages, five levels", fields: (c) => [...hostOf(c), ...guestOf(c, true)] },
} as const satisfies Readonly<Record<string, { title: string; fields: (c: DeviceContents) => readonly FieldValue[] }>>;
export type DeviceKindName = keyof typeof deviceKinds;

export const deviceEntry = (kind: DeviceKindName, contents: DeviceContents): Uint32Array =>
  entryOf(E.$, deviceKinds[kind].fields(contents));
