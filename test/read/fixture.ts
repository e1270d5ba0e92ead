/** Fixtures of recordings. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

export function fixture(path: string): Uint8Array {
  const bytes = readFileSync(new URL(`../../fixtures/${path}`, import.meta.url));
  return Uint8Array.from(path.endsWith(".gz") ? gunzipSync(bytes) : bytes);
}

export function fixtureText(path: string): string {
  return Buffer.from(fixture(path)).toString("latin1");
}
