/** A small text file as a string: descriptions, tables of registers, lists of devices. */
import type { Input } from "../files/input.js";
import type { Session } from "./session.js";

/** No such file is longer; what is, is cut, and its reader says what is missing. */
const bytesMax = 2 ** 24;

/** @throws Unreadable for a file that is missing or empty. */
export async function textOf(path: string, session: Session): Promise<string> {
  const input = await session.open(path);
  try {
    return textIn(input);
  } finally {
    input.close();
  }
}

export function textIn(input: Input): string {
  const bytes = new Uint8Array(Math.min(input.size, bytesMax));
  return new TextDecoder().decode(bytes.subarray(0, input.read(0, bytes)));
}
