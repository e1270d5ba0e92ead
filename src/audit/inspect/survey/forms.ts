/**
 * Frames that could be the beginning of a unit's device tables, judged by their own bits alone.
 *
 * A test looks at the first words that are not zero and gives up at once for nearly every frame of a real memory; the
 * few that pass are judged by what they lead to (scan/judge.ts). Forms: see spec/vtd/root_entry.ts,
 * spec/amdvi/device_entry.ts, spec/smmuv3/stream_table.ts.
 */
import { spanMax } from "../../../spec/smmuv3/stream_table.js";

const wordsPerFrame = 1024;

/** What a frame's form allows it to be. */
export interface Forms {
  /** VT-d root table: 1 = no entry has an upper half (legacy or scalable), 2 = some have (scalable only). */
  readonly vtdRoot: 0 | 1 | 2;
  /** Entries of an AMD-Vi device table that name a page table, or let pass untranslated; -1 = it is no part of one. */
  readonly deviceEntries: number;
  /** Entries of a SMMUv3 stream table that translate or bypass; -1 = it is no part of one. */
  readonly streamEntries: number;
  /** First-level stream descriptors that lead on; 0 = it is none. */
  readonly streamDescriptors: number;
  /** The largest Span among them. */
  readonly spanLargest: number;
}

/** @returns null for a frame that can be none of them. */
export function formsOf(words: Uint32Array): Forms | null {
  let w = 0;
  while (w < wordsPerFrame && words[w] === 0) w++;
  if (w === wordsPerFrame) return null;
  w &= ~1;
  const low = words[w]!;
  const vtdRoot = (low & 0xfff) === 1 ? rootForm(words, w) : 0;
  const deviceEntries = (w & 7) === 0 && (low & 0x7d) === 1 ? deviceForm(words, w) : -1;
  const streamEntries = (w & 15) === 0 && (low & 1) === 1 ? streamForm(words, w) : -1;
  const span = low & 63;
  const [streamDescriptors, spanLargest] = span >= 1 && span <= spanMax ? descriptorForm(words, w) : [0, 0];
  if (vtdRoot === 0 && deviceEntries < 0 && streamEntries < 0 && streamDescriptors === 0) return null;
  return { vtdRoot, deviceEntries, streamEntries, streamDescriptors, spanLargest };
}

/** Every 64-bit word is zero, or present with an address and nothing else. */
function rootForm(words: Uint32Array, from: number): 0 | 1 | 2 {
  let upper = false;
  for (let w = from; w < wordsPerFrame; w += 2) {
    const [low, high] = [words[w]!, words[w + 1]!];
    if ((low | high) === 0) continue;
    if ((low & 0xfff) !== 1 || high >= 0x10_0000 || (low >>> 12) + high === 0) return 0;
    if ((w & 2) !== 0) upper = true;
  }
  return upper ? 2 : 1;
}

/** Every 32 bytes are zero, or an entry with V whose reserved bits are zero. */
function deviceForm(words: Uint32Array, from: number): number {
  let leading = 0;
  for (let w = from; w < wordsPerFrame; w += 8) {
    const [low, high, low1, high1] = [words[w]!, words[w + 1]!, words[w + 2]!, words[w + 3]!];
    const rest = words[w + 4]! | words[w + 5]! | words[w + 6]! | words[w + 7]!;
    if ((low | high | low1 | high1 | rest) === 0) continue;
    const mode = (low >>> 9) & 7;
    const wrong = (low & 0x7c) | (high & 0x8000_0000) | (words[w + 5]! & 0x0030_0000) | (words[w + 6]! & 0x7fff);
    if (wrong !== 0 || mode === 7) return -1;
    if ((low & 1) === 0 && (low | high | low1 | high1) !== 0) return -1;
    if ((low & 3) !== 3 || (high & 0x6000_0000) === 0) continue;
    const table = (low >>> 12) + (high & 0xf_ffff);
    if (mode !== 0 ? table !== 0 : table === 0) leading++;
  }
  return leading;
}

/** Every 64 bytes are zero, or an entry with V, a known Config and nothing in its second half. */
function streamForm(words: Uint32Array, from: number): number {
  let leading = 0;
  for (let w = from; w < wordsPerFrame; w += 16) {
    const [low, high] = [words[w]!, words[w + 1]!];
    let second = 0;
    for (let n = w + 8; n < w + 16; n++) second |= words[n]!;
    if (second !== 0) return -1;
    if ((low & 1) === 0) {
      if ((low | high) !== 0) return -1;
      continue;
    }
    const config = (low >>> 1) & 7;
    if ((config > 0 && config < 4) || (high & 0x0700_0000) !== 0) return -1;
    const contexts = (low >>> 6) + (high & 0xff_ffff);
    if (config < 4 && (low > 15 || high !== 0)) return -1;
    if ((config & 5) === 5 && contexts === 0) return -1;
    if (config >= 4) leading++;
  }
  return leading;
}

/** Every 64-bit word is zero, or a Span with an address aligned to what it spans. */
function descriptorForm(words: Uint32Array, from: number): [count: number, largest: number] {
  let count = 0;
  let largest = 0;
  for (let w = from; w < wordsPerFrame; w += 2) {
    const [low, high] = [words[w]!, words[w + 1]!];
    if ((low | high) === 0) continue;
    const span = low & 63;
    if (span < 1 || span > spanMax || high >= 0x10_0000) return [0, 0];
    const alignment = (2 ** (span + 5) - 1) & ~63;
    if ((low & alignment) !== 0 || (low >>> 6) + high === 0) return [0, 0];
    count++;
    largest = Math.max(largest, span);
  }
  return [count, largest];
}
