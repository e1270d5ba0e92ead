/**
 * VMCOREINFO: the page of text that Linux keeps for crash dumps. Source: Linux Documentation/admin-guide/kdump/vmcoreinfo.rst.
 */
import { frameBytes } from "../../../base/frame.js";

const pageBytes = frameBytes;

/** "OSRE", the first word of "OSRELEASE=". */
export const crashInfoWord = 0x4552534f;

/** @returns the text; null when the frame holds something else. */
export function crashInfo(words: Uint32Array): string | null {
  if (words[0] !== crashInfoWord) return null;
  const bytes = new Uint8Array(words.buffer, words.byteOffset, pageBytes);
  const end = bytes.indexOf(0);
  const text = String.fromCharCode(...bytes.subarray(0, end < 0 ? pageBytes : end));
  return text.startsWith("OSRELEASE=") && /^SYMBOL\(_stext\)=/m.test(text) ? text : null;
}
