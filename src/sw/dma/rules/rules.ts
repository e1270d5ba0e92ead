/**
 * The rules of the DMA API: those that the kernel's own debugging checks, those of the addresses that an engine hands
 * out, and those that only a memory with bytes can check.
 *
 * A rule that a recording can show, too, has the name that the audit of recordings gives it.
 * Source: Linux Documentation/core-api/dma-api.rst, dma-api-howto.rst; kernel/dma/debug.c for `kernel`, the number of
 * the check in the order in which that file has them.
 */

/** `calls`: from arguments alone. `addresses`: by asking the kernel's tables. `bytes`: by what memory holds. */
export type RuleKind = "calls" | "addresses" | "bytes";

export interface DmaRule {
  readonly text: string;
  readonly kind: RuleKind;
  /** The check of the kernel's debugging that finds it too; 0: it finds none of these. */
  readonly kernel: number;
}

/** Rule names are stable: programs compare them. */
export const dmaRules = {
  "unbind-with-mappings": calls(1, "a driver let go of its device with mappings alive"),
  "unmap-error-value": calls(2, "the value of a failed mapping was unmapped"),
  "double-unmap": calls(3, "something was unmapped that was already unmapped"),
  "unmap-unknown": calls(3, "something was unmapped that was never mapped"),
  "unmap-size": calls(4, "unmapped with another size than mapped"),
  "unmap-kind": calls(5, "unmapped with another kind of call than mapped"),
  "free-address": calls(6, "coherent memory was freed with another address than allocated"),
  "unmap-entries": calls(7, "a list was unmapped with another number of entries than mapped"),
  "unmap-direction": calls(8, "unmapped with another direction than mapped"),
  "error-unchecked": calls(9, "dma_mapping_error() was never called for a mapping"),
  "map-stack": calls(10, "memory of a stack was mapped"),
  "map-kernel-image": calls(11, "memory of the kernel's own image was mapped"),
  "map-invalid": calls(12, "memory that no page describes was mapped"),
  "map-vmalloc": calls(13, "memory of the vmalloc area was mapped"),
  "sync-unmapped": calls(14, "something was synced after it was unmapped"),
  "sync-unknown": calls(14, "something was synced that was never mapped"),
  "sync-outside": calls(15, "synced beyond the end of the mapping"),
  "sync-direction": calls(16, "synced with another direction than mapped"),
  "sync-for-cpu": calls(17, "synced for the CPU as data from the device, and the device may only read"),
  "sync-for-device": calls(18, "synced for the device as data to it, and the device may only write"),
  "sync-entries": calls(19, "a list was synced with another number of entries than mapped"),
  "segment-too-long": calls(20, "a list entry is longer than the device takes"),
  "segment-across-boundary": calls(21, "a list entry crosses the device's segment boundary"),
  "overlap-cache-line": calls(22, "two mappings that a device may write begin in one cache line"),
  "overlap-count": calls(23, "more than seven mappings that a device may write begin in one cache line"),
  "checks-disabled": calls(24, "more mappings are alive than the checks keep; they have ended"),
  "sync-error-value": calls(0, "the value of a failed mapping was synced"),
  "map-direction": calls(0, "mapped with direction NONE"),
  "map-over-live": calls(0, "mapped at a bus address that already leads to other memory"),
  "list-mapped-twice": calls(0, "a list was mapped again while it was mapped"),
  overlap: calls(0, "two mappings that a device may write share memory"),
  "bounce-size": calls(0, "a bounce buffer of more than 256 KiB was asked for"),
  "wrong-address": addresses("the bus address of a mapping does not lead to its memory"),
  "above-mask": addresses("a mapping lies above what the device reaches"),
  "alignment-lost": addresses("a bounce does not keep the address bits that the device asks for"),
  "foreign-as-bounce": addresses("memory that is no bounce buffer is taken for one"),
  "needless-bounce": addresses("a buffer bounced that the device could use where it was"),
  "limit-not-kept": addresses("a mapping within the largest size that was reported can never be had"),
  "device-unmapped": bytes("the device used an address at which nothing is mapped for it"),
  "device-after-unmap": bytes("the device used an address after it was unmapped"),
  "device-refused": bytes("an access of the device inside a mapping was refused"),
  "device-writes-read-only": bytes("the device wrote to memory that was mapped for reading"),
  "device-while-cpu-owns": bytes("the device used memory that was synced for the CPU and not back"),
  "missing-sync-for-device": bytes("the device used memory that the CPU had changed without a sync for the device"),
  "device-reads-stale": bytes("the device read other bytes than the CPU had given it"),
  "cpu-reads-owned": bytes("the CPU read memory that the device owned"),
  "cpu-writes-owned": bytes("the CPU wrote memory that the device owned"),
  "missing-sync-for-cpu": bytes("the CPU read memory that the device had changed without a sync for the CPU"),
  "stale-bytes": bytes("the CPU does not see what the device wrote"),
  "foreign-bytes": bytes("bytes that the device did not write are not what they were"),
} as const satisfies Readonly<Record<string, DmaRule>>;

export type DmaRuleName = keyof typeof dmaRules;

function calls(kernel: number, text: string): DmaRule {
  return { text, kind: "calls", kernel };
}

function addresses(text: string): DmaRule {
  return { text, kind: "addresses", kernel: 0 };
}

function bytes(text: string): DmaRule {
  return { text, kind: "bytes", kernel: 0 };
}
