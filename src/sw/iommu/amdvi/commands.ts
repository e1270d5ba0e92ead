/**
 * Commands as the driver of an AMD-Vi unit writes them.
 *
 * Source: Linux drivers/iommu/amd/iommu.c (build_completion_wait, build_inv_dte, build_inv_iommu_pages, build_inv_iotlb_pages,
 * build_inv_all). Directories of a range always go with its pages (PDE).
 */
import { u64High, u64Low } from "../../../base/u64.js";
import { write } from "../../../bits/field.js";
import * as C from "../../../spec/amdvi/commands.js";
import { type Covering, sizedPage } from "../covering.js";

const { Opcode } = C;

function composed(set: (w: Uint32Array) => void): Uint32Array {
  const w = new Uint32Array(C.commandBytes / 4);
  set(w);
  return w;
}

/** @param at byte address of the 8 bytes where the data is stored */
export const completionWait = (at: number, data: number) =>
  composed((w) => {
    write(w, 0, C.CompletionWait.opcode, Opcode.completionWait);
    write(w, 0, C.CompletionWait.s, 1);
    write(w, 0, C.CompletionWait.at, at / 8);
    write(w, 0, C.CompletionWait.dataLow, u64Low(data));
    write(w, 0, C.CompletionWait.dataHigh, u64High(data));
  });

export const invalidateDevice = (requester: number) =>
  composed((w) => {
    write(w, 0, C.InvalidateDevice.opcode, Opcode.invalidateDevice);
    write(w, 0, C.InvalidateDevice.device, requester);
  });

/** @param pasid null: of the host's addresses; otherwise of a guest table's */
export const invalidatePages = (did: number, range: Covering, pasid: number | null = null) =>
  composed((w) => {
    write(w, 0, C.InvalidatePages.opcode, Opcode.invalidatePages);
    write(w, 0, C.InvalidatePages.did, did);
    write(w, 0, C.InvalidatePages.s, range.lg2 === 0 ? 0 : 1);
    write(w, 0, C.InvalidatePages.pde, 1);
    write(w, 0, C.InvalidatePages.gn, pasid === null ? 0 : 1);
    write(w, 0, C.InvalidatePages.pasid, pasid ?? 0);
    write(w, 0, C.InvalidatePages.page, sizedPage(range) as never);
  });

/** @param depth invalidations that the device takes at once */
export const invalidateDeviceTlb = (requester: number, depth: number, range: Covering) =>
  composed((w) => {
    write(w, 0, C.InvalidateDeviceTlb.opcode, Opcode.invalidateDeviceTlb);
    write(w, 0, C.InvalidateDeviceTlb.device, requester);
    write(w, 0, C.InvalidateDeviceTlb.queue, requester);
    write(w, 0, C.InvalidateDeviceTlb.maxPend, depth);
    write(w, 0, C.InvalidateDeviceTlb.s, range.lg2 === 0 ? 0 : 1);
    write(w, 0, C.InvalidateDeviceTlb.page, sizedPage(range) as never);
  });

export const invalidateAll = () => composed((w) => write(w, 0, C.InvalidateAll.opcode, Opcode.invalidateAll));
