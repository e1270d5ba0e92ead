/** A small text file as a string: descriptions, tables of registers. */
import { openInput } from "./input.js";

/** What is longer is cut: its reader then says what is missing. */
const bytesMax = 2 ** 20;

/** @throws Unreadable for a file that is missing or empty. */
export async function textOf(path: string): Promise<string> {
  const input = await openInput(path);
  try {
    const bytes = new Uint8Array(Math.min(input.size, bytesMax));
    return new TextDecoder().decode(bytes.subarray(0, input.read(0, bytes)));
  } finally {
    input.close();
  }
}
