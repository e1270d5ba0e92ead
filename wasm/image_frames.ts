/**
 * Every frame of a block, tested at the rate at which memory is read: the fast twin of
 * `src/audit/inspect/survey/marks.ts` and `pointers.ts`, which say what is asked and are what this is tested against.
 *
 * AssemblyScript for WebAssembly with SIMD. Nothing is allocated: a block of frames and four tables lie at fixed places of
 * the one memory, where the caller writes and reads them.
 */

const frameBytes: usize = 4096;
const framesMax: usize = 256;

/** Where the frames lie, one after another. */
export const blockAt: usize = 1 << 16;
/** One byte a frame: what `mark` says of it. */
export const marksAt: usize = blockAt + framesMax * frameBytes;
/** Words that `mark` looks for anywhere in a frame, and those it looks for at its beginning. */
export const namesAt: usize = marksAt + framesMax;
export const firstsAt: usize = namesAt + 256;
/** One bit for each frame number of 18 bits: what `pointers` looks for. */
export const wantedAt: usize = firstsAt + 256;

const isForm: u8 = 1;
const isNamed: u8 = 2;
const isFirst: u8 = 4;

const firstOutside: u64 = 1 << 52;
/** The largest Span of a first-level stream descriptor. */
const spanMax: u64 = 11;

/**
 * Mark each of the first `count` frames.
 * @param names how many words are looked for everywhere; 0 = none, and a frame is read no further than its forms ask
 * @param least the least byte of any of those words, `most` the greatest less the least
 * @param firsts how many words are looked for at the beginning of frames
 */
export function mark(count: usize, names: usize, least: u8, most: u8, firsts: usize): void {
  const low = i8x16.splat(least);
  const width = i8x16.splat(most);
  for (let n: usize = 0; n < count; n++) {
    const frame = blockAt + n * frameBytes;
    let marks: u8 = hasForm(frame) ? isForm : 0;
    if (names > 0 && isNamedAnywhere(frame, names, low, width)) marks |= isNamed;
    const first = load<u32>(frame);
    for (let f: usize = 0; f < firsts; f++) if (load<u32>(firstsAt + f * 4) === first) marks |= isFirst << (f as u8);
    store<u8>(marksAt + n, marks);
  }
}

/**
 * Gather the 64-bit words that could be pointers to what `wantedAt` names: bits 11:0 are zero, bits 29:12 are wanted.
 * They are written over the block, one after another.
 * @returns how many there are
 */
export function pointers(count: usize): usize {
  const end = blockAt + count * frameBytes;
  const within = i64x2.splat(0xfff);
  const lower = i64x2.splat(0xffff_ffff);
  const zero = i64x2.splat(0);
  let to = blockAt;
  for (let at = blockAt; at < end; at += 16) {
    const both = v128.load(at);
    // A lane of ones for each word that ends a frame; one that is no more than zeros in its lower half is no pointer.
    const ends = i64x2.eq(v128.and(both, within), zero);
    const passes = v128.andnot(ends, i64x2.eq(v128.and(both, lower), zero));
    if (!v128.any_true(passes)) continue;
    const a = v128.extract_lane<u64>(both, 0);
    const b = v128.extract_lane<u64>(both, 1);
    if (isWanted(a)) {
      store<u64>(to, a);
      to += 8;
    }
    if (isWanted(b)) {
      store<u64>(to, b);
      to += 8;
    }
  }
  return (to - blockAt) >> 3;
}

function isWanted(word: u64): bool {
  if ((word & 0xfff) !== 0 || (word as u32) === 0) return false;
  const frame = ((word as u32) >> 12) & 0x3_ffff;
  return ((load<u8>(wantedAt + (frame >> 3)) >> ((frame & 7) as u8)) & 1) !== 0;
}

function isNamedAnywhere(frame: usize, names: usize, low: v128, width: v128): bool {
  for (let at = frame; at < frame + frameBytes; at += 16) {
    const words = v128.load(at);
    // Nearly no word is made of such letters alone: the cheap test first.
    const letters = i8x16.le_u(i8x16.sub(words, low), width);
    if (!v128.any_true(i32x4.eq(letters, i32x4.splat(-1)))) continue;
    for (let w: usize = 0; w < 16; w += 4) {
      const word = load<u32>(at + w);
      for (let n: usize = 0; n < names; n++) if (load<u32>(namesAt + n * 4) === word) return true;
    }
  }
  return false;
}

function hasForm(frame: usize): bool {
  const end = frame + frameBytes;
  let at = frame;
  while (!v128.any_true(sixtyFour(at))) {
    at += 64;
    if (at === end) return false;
  }
  while (load<u64>(at) === 0) at += 8;
  const low = load<u32>(at);
  if ((low & 0xfff) === 1 && isRoot(at, end)) return true;
  if ((at & 31) === 0 && (low & 0x7d) === 1 && isDevices(at, end)) return true;
  if ((at & 63) === 0 && (low & 1) === 1 && isStreams(at, end)) return true;
  const span = low & 63;
  return span >= 1 && span <= (spanMax as u32) && isDescriptors(at, end);
}

function sixtyFour(at: usize): v128 {
  const front = v128.or(v128.load(at), v128.load(at, 16));
  return v128.or(front, v128.or(v128.load(at, 32), v128.load(at, 48)));
}

/** VT-d root entries: present with an address and nothing else. */
function isRoot(from: usize, end: usize): bool {
  for (let at = from; at < end; at += 8) {
    const entry = load<u64>(at);
    if (entry === 0) continue;
    if ((entry & 0xfff) !== 1 || entry >= firstOutside || entry >> 12 === 0) return false;
  }
  return true;
}

/** AMD-Vi device table entries: with V, and reserved bits zero. */
function isDevices(from: usize, end: usize): bool {
  for (let at = from; at < end; at += 32) {
    const entry = load<u64>(at);
    const upper = load<u64>(at, 8);
    const third = load<u64>(at, 16);
    const fourth = load<u64>(at, 24);
    if ((entry | upper | third | fourth) === 0) continue;
    if ((entry & 0x7c) !== 0 || entry >> 63 !== 0) return false;
    if ((third & 0x0030_0000_0000_0000) !== 0 || (fourth & 0x7fff) !== 0) return false;
    if (((entry >> 9) & 7) === 7) return false;
    if ((entry & 1) === 0 && (entry | upper) !== 0) return false;
  }
  return true;
}

/** SMMUv3 stream table entries: with V, a known Config and nothing in the second half. */
function isStreams(from: usize, end: usize): bool {
  for (let at = from; at < end; at += 64) {
    const entry = load<u64>(at);
    const second = v128.or(v128.load(at, 32), v128.load(at, 48));
    if (v128.any_true(second)) return false;
    if ((entry & 1) === 0) {
      if (entry !== 0) return false;
      continue;
    }
    const config = (entry >> 1) & 7;
    if ((config > 0 && config < 4) || (entry & 0x0700_0000_0000_0000) !== 0) return false;
    if (config < 4 && entry > 15) return false;
    if ((config & 5) === 5 && (entry & 0x00ff_ffff_ffff_ffc0) === 0) return false;
  }
  return true;
}

/** SMMUv3 first-level descriptors: a Span, with an address aligned to what it spans. */
function isDescriptors(from: usize, end: usize): bool {
  for (let at = from; at < end; at += 8) {
    const entry = load<u64>(at);
    if (entry === 0) continue;
    const span = entry & 63;
    if (span < 1 || span > spanMax || entry >= firstOutside || entry >> 6 === 0) return false;
    const alignment = ((1 as u64) << (span + 5)) - 1;
    if ((entry & alignment & ~63) !== 0) return false;
  }
  return true;
}
