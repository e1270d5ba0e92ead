/** A page of ours under which a frame of another domain lies. */
import type { Pfn } from "../../../base/frame.js";
import type { GrantStatus } from "../../../spec/xen/grant_op.js";

/** What became of one request. Without okay there is no page. */
export interface ForeignPage {
  readonly status: GrantStatus;
  readonly page: Pfn;
  readonly handle: number;
  /** Machine address of the frame. */
  readonly bus: number;
}
