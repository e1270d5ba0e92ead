/** The lines of an input, one after the other, each cut at a length that no real log reaches. */
import type { Input } from "./input.js";

const blockBytes = 1 << 18;
const lineMax = 1 << 16;

export function* linesOf(input: Input): Generator<string> {
  const decoder = new TextDecoder();
  const block = new Uint8Array(blockBytes);
  let rest = "";
  for (let at = 0; ; ) {
    const n = input.read(at, block);
    if (n === 0) break;
    at += n;
    const parts = (rest + decoder.decode(block.subarray(0, n), { stream: true })).split("\n");
    rest = parts.pop()!.slice(0, lineMax);
    yield* parts;
  }
  if (rest !== "") yield rest;
}
