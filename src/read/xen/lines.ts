/** Lines of the small text files that describe a Xen domain's memory, with their numbers. */
import type { ByteSource } from "../bytes.js";
import { LineBlocks } from "../line_blocks.js";
import { Unreadable } from "../unreadable.js";

/** No line of these files is longer. */
const lineMax = 1024;

/** @throws Unreadable for bytes that are no text. */
export function* numberedLines(source: ByteSource): Generator<{ readonly text: string; readonly number: number }> {
  const blocks = new LineBlocks(source);
  const decoder = new TextDecoder();
  let number = 0;
  while (blocks.next()) {
    const { bytes, to } = blocks;
    for (let at = blocks.from; at < to; ) {
      const end = bytes.indexOf(10, at);
      const text = decoder.decode(bytes.subarray(at, Math.min(end, at + lineMax))).trimEnd();
      number++;
      if (text.includes("\0")) throw new Unreadable(source.name, `line ${number}`, "text", "bytes that are no text");
      yield { text, number };
      at = end + 1;
    }
  }
}

/** What a message shows of a line. */
export function shownLine(text: string): string {
  return text === "" ? "an empty line" : JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
}
