/**
 * Events of the Intel driver's caches and queues, whose text is words in their order:
 * `dmar0/0000:00:03.0 type devtlb did 3 pasid 0 ref 1`, `dmar0 dmar0[0] type iotlb did 5 [0x0-0xfff] addr 0x0 mask 0x0` (with
 * `pages 0x1` before the mask until 6.13),
 * `iotlb_inv dmar0: 0x500f2 0xffffd040 0x0 0x0`.
 *
 * Source: Linux drivers/iommu/intel/trace.h, print formats of cache_tag_log, cache_tag_flush and qi_submit.
 */
import { type EventBatch, EventKind } from "../event.js";

const kinds = ["iotlb", "devtlb", "nesting_iotlb", "nesting_devtlb"];
/** Bytes as letters of one byte each: what no blank is, as the event's words are parted. */
const name = "[^\\0- ]{1,64}";
const address = "0[xX][0-9a-fA-F]{1,16}";
const assigned = new RegExp(
  `^${name}/${name} type (\\w{1,16}) did (\\d{1,5}) pasid (\\d{1,15}) ref (\\d{1,15})[ \\r]*$`,
);
const flushed = new RegExp(
  `^${name} ${name}\\[\\d+\\] type (\\w{1,16}) did (\\d{1,5}) \\[(${address})-(${address})\\] addr ${address}(?: pages ${address})? mask ${address}[ \\r]*$`,
);
/** What is asked for is the descriptor's own type in words, or in digits where the kernel knows none. */
const submitted = new RegExp(`^[^\\0- ]{1,16} ${name}: (${address}) (${address}) ${address} ${address}[ \\r]*$`);
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
  if (kind === EventKind.descriptor) return descriptor(text, batch, i);
  const range = kind === EventKind.cacheFlushed ? flushed.exec(text) : null;
  const words = range ?? assigned.exec(text);
  if (words === null) return false;
  const [, cache, domain] = words;
  const of = kinds.indexOf(cache!);
  if (of < 0) return false;
  batch.mask[i] = of;
  batch.size[i] = Number(domain);
  if (range !== null) {
    batch.dma[i] = addressOf(words[3]!);
    batch.phys[i] = addressOf(words[4]!);
  } else {
    if (kind !== EventKind.cacheFlushed) batch.phys[i] = Number(words[3]);
    batch.attrs[i] = Number(words[4]);
  }
  return true;
}

function descriptor(text: string, batch: EventBatch, i: number): boolean {
  const words = submitted.exec(text);
  if (words === null) return false;
  const [low, high] = [halves(words[1]!), halves(words[2]!)];
  batch.attrs[i] = low.low;
  batch.size[i] = low.high;
  batch.phys[i] = high.low;
  batch.mask[i] = high.high;
  return true;
}

/** The halves of a number of 64 bits: a double holds no more than 53 of them. */
function halves(hex: string): { low: number; high: number } {
  const digits = hex.slice(2).padStart(16, "0");
  return { low: Number.parseInt(digits.slice(8), 16), high: Number.parseInt(digits.slice(0, 8), 16) };
}
