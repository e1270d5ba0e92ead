/** Masks of devices. */
import { hexDigits } from "../../base/hex.js";

/** A mask, or a limit, as the kernel prints it: digits without a prefix. 2^64 stands for 2^64 - 1, which is no double. */
export const maskText = (mask: number): string => (mask >= 2 ** 64 ? "ffffffffffffffff" : hexDigits(mask));
