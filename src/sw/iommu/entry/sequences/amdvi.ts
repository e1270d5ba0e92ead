/**
 * How entries of AMD-Vi's device table are replaced: by Linux, then and now, and by Xen.
 *
 * Source: Linux drivers/iommu/amd/iommu.c (update_dte256, amd_iommu_attach_device, set_dte_entry); Xen
 * drivers/passthrough/amd/iommu_map.c (amd_iommu_set_root_page_table; XSA-347, XSA-442).
 */
import { read } from "../../../../bits/field.js";
import { DeviceEntry as E } from "../../../../spec/amdvi/device_entry.js";
import { entryOf } from "../fields.js";
import { amdviDevice } from "../formats/amdvi_device.js";
import { flush, type Replaced, type ReplaceStep, type Sequence, store, storeEach, sync, written } from "./sequence.js";

const low = (entry: Uint32Array) => store(0, entry.slice(0, 4));
const high = (entry: Uint32Array) => store(4, entry.slice(4));
const has = (entry: Uint32Array, field: typeof E.v | typeof E.gv) => read(entry, 0, field) === 1;

/** Two halves in the order that the change asks for. */
function updated(from: Uint32Array, to: Uint32Array): readonly ReplaceStep[] {
  if (!has(from, E.v)) return [high(to), low(to), sync];
  if (!has(to, E.v)) return [low(to), high(to), sync];
  if (!has(from, E.gv)) return [high(to), low(to), sync];
  if (!has(to, E.gv)) return [low(to), high(to), sync];
  if (read(from, 0, E.guestPagingMode) !== read(to, 0, E.guestPagingMode)) {
    return [low(new Uint32Array(8)), sync, high(to), low(to), sync];
  }
  return [low(to), sync];
}

/** Nothing passes: what a detached device has. */
const blocked = entryOf(E.$, amdviDevice.blocking);

const isNested = (entry: Uint32Array) => has(entry, E.gv) && read(entry, 0, E.mode) !== 0;

function detachedFirst({ from, to }: Replaced): readonly ReplaceStep[] {
  const isBlocked = from.every((w, n) => w === blocked[n]);
  const detach = isBlocked ? [] : [...updated(from, blocked), flush("old")];
  return [...detach, ...updated(blocked, to)];
}

export const amdviSequences = {
  linux: {
    title: "detached, then attached; a nested domain in one update",
    source: "Linux 7.0, amd_iommu_attach_device and nested_attach_device",
    ships: true,
    steps: (o) => (isNested(o.to) ? updated(o.from, o.to) : detachedFirst(o)),
  },
  update: {
    title: "two halves in the order of update_dte256",
    source: "Linux 7.0, update_dte256, with the old tag flushed",
    steps: ({ from, to }) => [...updated(from, to), flush("old")],
  },
  xen: {
    title: "the lower half in one exchange",
    source: "Xen 4.18, amd_iommu_set_root_page_table",
    kinds: ["blocked", "identity", "v1"],
    ships: true,
    steps: ({ from, to }) =>
      has(from, E.v) && read(from, 0, E.tv) === 1
        ? [low(to), sync, flush("old")]
        : [low(to), high(to), sync, flush("old")],
  },
  written,
  "word-by-word": {
    title: "64 bits after 64 bits",
    source: "Xen before XSA-347, Linux before update_dte256",
    steps: ({ to }) => [...storeEach(to), sync, flush("old")],
  },
} as const satisfies Readonly<Record<string, Sequence>>;
