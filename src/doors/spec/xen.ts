/** Xen's interface to guests. */
export * from "../../spec/xen/blkif.js";
export * from "../../spec/xen/errno.js";
export * from "../../spec/xen/grant_entry.js";
export * from "../../spec/xen/grant_op.js";
export * from "../../spec/xen/netif.js";
export * from "../../spec/xen/p2m_entry.js";
export * from "../../spec/xen/ring.js";
