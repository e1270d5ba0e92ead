/**
 * Events of the Intel driver's caches, whose text is words in their order:
 * `dmar0/0000:00:03.0 type devtlb did 3 pasid 0 ref 1`, `dmar0 dmar0[0] type iotlb did 5 [0x0-0xfff] addr 0x0 mask 0x0`.
 *
 * Source: Linux drivers/iommu/intel/trace.h, print formats of cache_tag_log and cache_tag_flush.
 */
import { type EventBatch, EventKind } from "../event.js";

const kinds = ["iotlb", "devtlb", "nesting_iotlb", "nesting_devtlb"];
/** Bytes as letters of one byte each: what no blank is, as the event's words are parted. */
const name = "[^\\0- ]{1,64}";
const address = "0[xX][0-9a-fA-F]{1,16}";
const assigned = new RegExp(`^${name}/${name} type (\\w{1,16}) did (\\d{1,5}) pasid \\d{1,15} ref \\d{1,15}[ \\r]*$`);
const flushed = new RegExp(
  `^${name} ${name}\\[\\d+\\] type (\\w{1,16}) did (\\d{1,5}) \\[(${address})-(${address})\\] addr ${address} mask ${address}[ \\r]*$`,
);
const longest = 512;
const allOnes = 2 ** 64;

/** All ones is -1, as in every column. */
const addressOf = (hex: string): number => {
  const value = Number(hex);
  return value === allOnes ? -1 : value;
};

/**
 * Fill event i from the words in [from, end).
 * @returns false for a line of another form
 */
export function cacheWords(
  bytes: Uint8Array,
  from: number,
  end: number,
  kind: EventKind,
  batch: EventBatch,
  i: number,
): boolean {
  if (end < 0 || end - from > longest) return false;
  const text = String.fromCharCode(...bytes.subarray(from, end));
  const isFlush = kind === EventKind.cacheFlushed;
  const words = (isFlush ? flushed : assigned).exec(text);
  if (words === null) return false;
  const [, cache, domain] = words;
  const of = kinds.indexOf(cache!);
  if (of < 0) return false;
  batch.mask[i] = of;
  batch.size[i] = Number(domain);
  if (isFlush) {
    batch.dma[i] = addressOf(words[3]!);
    batch.phys[i] = addressOf(words[4]!);
  }
  return true;
}
