/** A result whole, in lines that can be written down: one a part, a long one by its beginning and a hash. */
import { createHash } from "node:crypto";

/** Characters of a part that are written out. */
const shownMax = 300;

const hash = (bytes: string | Uint8Array): string => createHash("sha1").update(bytes).digest("hex").slice(0, 8);

/** What JSON has no word for: typed arrays by their hash; NaN, infinities and 64-bit numbers by name. */
function plain(_name: string, value: unknown): unknown {
  if (typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value))) return String(value);
  if (!ArrayBuffer.isView(value)) return value;
  return `${value.byteLength} bytes, ${hash(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))}`;
}

/** @param result a record of data. @returns a line for each of its properties that is there */
export function whole(result: object): string {
  const lines: string[] = [];
  for (const [name, part] of Object.entries(result)) {
    const text = JSON.stringify(part, plain);
    if (text === undefined) continue;
    const rest = text.length > shownMax ? `… ${text.length} characters, ${hash(text)}` : "";
    lines.push(`${name}: ${text.slice(0, shownMax)}${rest}`);
  }
  return lines.join("\n");
}
