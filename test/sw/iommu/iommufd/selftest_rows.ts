/**
 * What the kernel's own tests of this interface ask and expect, as rows: an operation, its error, and where a device leads
 * afterwards.
 *
 * Source: Linux tools/testing/selftests/iommu/iommufd.c (alloc_hwpt, alloc_hwpt_nested, replace, pasid_attach, enforce_dirty).
 */
import type { Errno } from "../../../../src/sw/iommu/group/errno.js";

/** Names stand for ids: `space`, `dev` and what an allocation is called. */
export interface Row {
  readonly does: "space" | "allocate" | "attach" | "replace" | "detach" | "destroy";
  /** The device; left out: `dev`. */
  readonly device?: string;
  /** What it is done with: to lead to, to destroy, to allocate of. */
  readonly with?: string;
  /** What a new thing is called. */
  readonly as?: string;
  readonly flags?: { readonly nests?: boolean; readonly pasids?: boolean; readonly dirty?: boolean };
  readonly pasid?: number;
  readonly error?: Errno;
  /** Where the device leads now, behind the PASID of the row: a name, `automatic`, or null for nowhere. */
  readonly leadsTo?: string | null;
}

const allocate = (as: string, of = "space", flags: Row["flags"] = {}, error?: Errno): Row => ({
  ...{ does: "allocate", with: of, as, flags },
  ...(error !== undefined && { error }),
});
const replace = (to: string, leadsTo = to, o: Partial<Row> = {}): Row => ({ does: "replace", with: to, leadsTo, ...o });
const destroy = (what: string, error?: Errno): Row => ({
  ...{ does: "destroy", with: what },
  ...(error !== undefined && { error }),
});
const pasid = (n: number, does: "attach" | "replace", to: string, leadsTo: string | null, error?: Errno): Row => ({
  ...{ does, with: to, pasid: n, leadsTo },
  ...(error !== undefined && { error }),
});
const detach = (n: number): Row => ({ does: "detach", pasid: n, leadsTo: null });

/** PASIDs as the tests have them; behind the last the driver refuses the second attachment. */
export const refusing = 1024;

export const selftests: Readonly<Record<string, readonly Row[]>> = {
  "alloc_hwpt: domains in rotation": [
    allocate("first"),
    allocate("second", "space", { nests: true }),
    allocate("third", "dev", {}, "EINVAL"),
    replace("first"),
    destroy("first", "EBUSY"),
    replace("second"),
    destroy("second", "EBUSY"),
    destroy("first"),
    replace("space", "automatic"),
    destroy("second"),
    destroy("second", "ENOENT"),
  ],
  "alloc_hwpt_nested: a guest's tables": [
    allocate("plain"),
    allocate("on plain", "plain", {}, "EINVAL"),
    allocate("parent", "space", { nests: true }),
    allocate("nested 1", "parent"),
    allocate("nested 2", "parent"),
    allocate("on nested", "nested 1", {}, "EINVAL"),
    destroy("parent", "EBUSY"),
    replace("nested 1"),
    destroy("nested 1", "EBUSY"),
    replace("nested 2"),
    destroy("nested 2", "EBUSY"),
    destroy("nested 1"),
    replace("parent"),
    destroy("nested 2"),
    replace("space", "automatic"),
    destroy("parent"),
  ],
  "replace: an automatic domain goes with its last user": [
    { does: "space", as: "other space" },
    replace("other space", "automatic"),
    { does: "replace", with: "first automatic", error: "ENOENT", leadsTo: "automatic" },
    replace("other space", "automatic"),
    replace("space", "automatic"),
    destroy("other space"),
    destroy("space", "EBUSY"),
  ],
  "replace: two devices share an automatic domain": [
    { does: "attach", device: "dev2", with: "space", leadsTo: "first automatic" },
    { does: "space", as: "other space" },
    replace("other space", "automatic"),
    replace("first automatic"),
    replace("first automatic"),
    { does: "attach", device: "dev2", with: "space", error: "EBUSY", leadsTo: "first automatic" },
    destroy("other space"),
  ],
  "enforce_dirty: a device that cannot track": [
    allocate("tracking", "space", { dirty: true }),
    { does: "attach", device: "dev2", with: "tracking", error: "EINVAL", leadsTo: null },
    replace("tracking"),
    { does: "attach", device: "dev2", with: "space", leadsTo: "automatic" },
    { does: "replace", device: "dev2", with: "tracking", error: "EINVAL", leadsTo: "automatic" },
  ],
  "pasid_attach: which domains go together": [
    allocate("parent", "space", { nests: true }),
    allocate("nested 1", "parent", { pasids: true }),
    allocate("nested 2", "parent", { pasids: true }),
    allocate("fit", "space", { pasids: true }),
    replace("parent"),
    pasid(100, "attach", "fit", null, "EINVAL"),
    replace("fit"),
    pasid(100, "attach", "nested 1", "nested 1"),
    { ...replace("parent", "fit"), error: "EINVAL" },
    detach(100),
    pasid(100, "attach", "parent", null, "EINVAL"),
    pasid(100, "attach", "space", null, "EINVAL"),
    pasid(100, "attach", "fit", "fit"),
    pasid(100, "attach", "nested 1", "fit", "EBUSY"),
    detach(100),
    pasid(100, "attach", "nested 1", "nested 1"),
    pasid(100, "attach", "nested 1", "nested 1", "EBUSY"),
    detach(100),
    detach(100),
  ],
  "pasid_attach: replaced": [
    allocate("parent", "space", { nests: true }),
    allocate("nested 1", "parent", { pasids: true }),
    allocate("nested 2", "parent", { pasids: true }),
    allocate("fit", "space", { pasids: true }),
    replace("fit"),
    pasid(200, "replace", "fit", null, "EINVAL"),
    pasid(200, "attach", "fit", "fit"),
    pasid(200, "replace", "space", "fit", "EINVAL"),
    pasid(200, "replace", "nested 1", "nested 1"),
    pasid(200, "replace", "nested 2", "nested 2"),
    destroy("nested 2", "EBUSY"),
    detach(200),
    destroy("nested 2"),
    pasid(refusing, "attach", "fit", "fit"),
    pasid(refusing, "replace", "nested 1", "fit", "ENOMEM"),
    detach(refusing),
  ],
  "pasid_attach: a device that sends none": [
    allocate("fit", "space", { pasids: true }),
    allocate("plain"),
    { does: "attach", device: "dev2", with: "fit", leadsTo: "fit" },
    { does: "replace", device: "dev2", with: "space", leadsTo: "automatic" },
    { does: "attach", device: "dev2", with: "plain", pasid: 100, error: "EINVAL", leadsTo: null },
    { does: "attach", device: "dev2", with: "fit", pasid: 100, error: "EINVAL", leadsTo: null },
  ],
};
