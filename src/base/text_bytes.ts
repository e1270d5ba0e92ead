/** Bytes as text and back, where Node's Buffer is there and where it is not. */

/** Characters that one call of `String.fromCharCode` is given. */
const piece = 4096;

/** Bytes as characters 0 to 255, one for one. */
export function latin1(bytes: Uint8Array): string {
  if (typeof Buffer !== "undefined") {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  }
  let text = "";
  for (let at = 0; at < bytes.length; at += piece) text += String.fromCharCode(...bytes.subarray(at, at + piece));
  return text;
}

/** Base64 as RFC 4648, 4, has it. */
export const base64 = (bytes: Uint8Array): string => btoa(latin1(bytes));
