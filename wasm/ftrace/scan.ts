/** Bytes of a line, sixteen at a time. A newline ends every scan; up to 31 bytes behind it may be looked at. */

export function byte(p: usize): i32 {
  return <i32>load<u8>(p);
}

export function isDigit(c: i32): bool {
  return <u32>(c - 48) < 10;
}

/** @returns the first byte from `p` that is a blank or below. */
export function wordEnd(p: usize): usize {
  let found = v128.bitmask<i8>(v128.le<u8>(v128.load(p), v128.splat<i8>(32)));
  while (found === 0) {
    p += 16;
    found = v128.bitmask<i8>(v128.le<u8>(v128.load(p), v128.splat<i8>(32)));
  }
  return p + ctz(found);
}

/** @returns the first byte from `p` that is a blank or below, or `=`. */
export function keyEnd(p: usize): usize {
  let found = 0;
  for (; ; p += 16) {
    const v = v128.load(p);
    found = v128.bitmask<i8>(v128.or(v128.le<u8>(v, v128.splat<i8>(32)), v128.eq<i8>(v, v128.splat<i8>(61))));
    if (found !== 0) break;
  }
  return p + ctz(found);
}

/** @returns the first newline from `p`, or byte `other`. */
export function lineEndOr(p: usize, other: i32): usize {
  let found = 0;
  for (; ; p += 16) {
    const v = v128.load(p);
    found = v128.bitmask<i8>(v128.or(v128.eq<i8>(v, v128.splat<i8>(10)), v128.eq<i8>(v, v128.splat<i8>(<i8>other))));
    if (found !== 0) break;
  }
  return p + ctz(found);
}

/** @returns `p`, behind `0x` when that comes next. */
export function behindPrefix(p: usize): usize {
  return (load<u16>(p) | 0x2000) === 0x7830 ? p + 2 : p;
}

/** @returns how many of the next bytes are hexadecimal digits, 16 at most. */
export function hexDigits(p: usize): i32 {
  const v = v128.load(p);
  const digit = v128.lt<u8>(v128.sub<i8>(v, v128.splat<i8>(48)), v128.splat<i8>(10));
  const letter = v128.lt<u8>(v128.sub<i8>(v128.or(v, v128.splat<i8>(32)), v128.splat<i8>(97)), v128.splat<i8>(6));
  return ctz(~v128.bitmask<i8>(v128.or(digit, letter)) | 0x10000);
}

/** @returns the number that the next `digits` bytes, 1 to 16, are hexadecimal digits of. */
export function hexValue(p: usize, digits: i32): u64 {
  const v = v128.load(p);
  const isLetter = v128.gt<u8>(v, v128.splat<i8>(57));
  const values = v128.add<i8>(v128.and(v, v128.splat<i8>(15)), v128.and(isLetter, v128.splat<i8>(9)));
  // Pairs of digits, the last pair first; what lies before the first digit comes from no lane and is 0.
  const order = v128.add<i8>(
    i8x16(-2, -1, -4, -3, -6, -5, -8, -7, -10, -9, -12, -11, -14, -13, -16, -15),
    v128.splat<i8>(<i8>digits),
  );
  const pairs = v128.swizzle(values, order);
  const bytes = v128.and(v128.or(v128.shl<i16>(pairs, 4), v128.shr<u16>(pairs, 8)), v128.splat<i16>(255));
  return v128.extract_lane<u64>(v128.narrow<u16>(bytes, bytes), 0);
}

/** All ones are the address of a mapping that failed. */
export function address(value: u64): f64 {
  return value === u64.MAX_VALUE ? -1 : <f64>value;
}

/** A whole number in decimal digits, 15 at most, after `decimalEnd` found where it ends. */
export function decimal(p: usize, end: usize): f64 {
  let value: i64 = 0;
  for (; p < end; p++) value = value * 10 + (byte(p) - 48);
  return <f64>value;
}

/** @returns behind the decimal digits from `p`; 0 when they are none, or more than 15. */
export function decimalEnd(p: usize): usize {
  let end = p;
  while (isDigit(byte(end))) end++;
  return end === p || end - p > 15 ? 0 : end;
}
