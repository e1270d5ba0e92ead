/** `{0x6546000,0x6690000}`: the addresses and sizes of a list. */
import * as column from "../shared/columns";
import { pushDma, pushPhys } from "../shared/columns";
import { odd } from "../shared/stop";
import { address, behindPrefix, byte, hexDigits, hexValue } from "./scan";

const open = 123;
const close = 125;
const comma = 44;

const roleDmaList = 6;
const roleSizeList = 7;

/** @returns behind the list, whose entries are then in the columns of lists. */
export function readList(from: usize, role: i32, batch: usize, i: i32): usize {
  let p = from;
  if (byte(p) !== open) return odd();
  const addresses = load<i32>(batch + (i << 2), column.dmaCount);
  const first = load<i32>(batch + (i << 2), column.dmaFirst);
  let n = 0;
  if (byte(p + 1) === close) p++;
  while (byte(p) !== close) {
    p = behindPrefix(p + 1);
    const digits = hexDigits(p);
    if (digits === 0) return odd();
    const value = address(hexValue(p, digits));
    p += digits;
    if (byte(p) !== comma && byte(p) !== close) return odd();
    if (role === roleSizeList) {
      if (n >= addresses) return odd();
      store<f64>(batch + ((first + n) << 3), value, column.listSize);
    } else if (!(role === roleDmaList ? pushDma(batch, i, value, NaN) : pushPhys(batch, i, value))) return odd();
    n++;
  }
  return role === roleSizeList && n !== addresses ? odd() : p + 1;
}
