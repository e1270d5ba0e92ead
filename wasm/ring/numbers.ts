/** Numbers of a record, as doubles. */

/** 64 bits, exact below 2^53. */
export function wide(p: usize): f64 {
  return <f64>load<u64>(p);
}

/** 64 bits; all ones, and what is the same as a double, are an address that there is none at. */
export function address(p: usize): f64 {
  const value = wide(p);
  return value === 18446744073709551616.0 ? -1 : value;
}

/** Of 1, 2, 4 or 8 bytes. */
export function number(p: usize, bytes: i32): f64 {
  if (bytes === 8) return wide(p);
  if (bytes === 4) return <f64>load<u32>(p);
  return bytes === 2 ? <f64>load<u16>(p) : <f64>load<u8>(p);
}
