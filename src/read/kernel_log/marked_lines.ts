/**
 * The lines of a log that carry a mark, whole, with the few that belong to them; all others cost one search of a block.
 */
import type { Paced } from "../../base/paced.js";
import { latin1 } from "../../base/text_bytes.js";
import type { ByteSource } from "../bytes.js";
import { LineBlocks } from "../line_blocks.js";
import { Unreadable } from "../unreadable.js";
import { lineMax, splitLogLine } from "./log_line.js";
import { isDated, WholeLine } from "./whole_lines.js";

/** What a line that carries no mark begins with when it belongs to the one before: a word of a record. */
const fragment = /^[\s>]*(?:0x)?[0-9a-f]{8,16}\b/;
/** Nothing, perhaps quoted. */
const empty = /^[\s>]*$/;
/** A line that ends so goes on in the next one, and its mark may be broken (see WholeLine). */
const softBreak = /[^=]=\s*$/;

/** A line that ends with a device's name: its message stands in the next. */
const nameEnds = /(?:^|[^\w-])[A-Za-z][\w-]{1,40} (?=[\w:.@-]{0,60}\d)[\w:.@-]{2,60}:\s*$/;

/** A message that begins its line, behind the name that ended the line before. */
function withName(before: string, text: string): string {
  const message = splitLogLine(text)?.message ?? "";
  return /^(?:swiotlb |DMA|overflow |Buffer overflow|AMD-Vi: |Can not allocate )/.test(message)
    ? `${before.trimEnd()} ${message}`
    : text;
}

/** @param carried the marks of the line: bit 0 for the first, and so on */
export type TakeLine = (line: string, carried: number) => void;

/** Lines one after the other, joined where they were broken. */
export class MarkedLines {
  readonly #marks: readonly RegExp[];
  readonly #take: TakeLine;
  readonly #whole = new WholeLine();
  #before = "";
  #pending = false;
  /** The line that was begun as it was given, and its marks. */
  #given = "";
  #carried = 0;
  /** A line that was passed on may go on in the next. */
  #open = false;

  /** @param marks of which a line carries one; not global */
  constructor(marks: readonly RegExp[], take: TakeLine) {
    this.#marks = marks;
    this.#take = take;
  }

  /** Any line. */
  line(text: string): void {
    const carried = this.#marksOf(text);
    if (carried !== 0 || softBreak.test(text)) this.marked(text, carried, this.#before);
    else if (this.isOpen) this.follower(text);
    this.#before = text;
  }

  /** True while the next line is asked for, if it has no clock of its own. */
  get isOpen(): boolean {
    return this.#pending || this.#open;
  }

  /**
   * A line with a mark, or one that ends as a broken line does.
   * @param carried its marks: bit 0 for the first, and so on
   * @param before the line before it, which may hold the device's name
   */
  marked(text: string, carried: number, before: string): void {
    if (this.#pending && this.#whole.add(text)) return;
    this.close();
    this.#whole.begin(nameEnds.test(before) && !isDated(text) ? withName(before, text) : text);
    this.#pending = true;
    this.#given = text;
    this.#carried = carried;
  }

  /** A line without one, after a line that is open. */
  follower(text: string): void {
    if (empty.test(text)) return;
    if (this.#pending && this.#whole.add(text)) return;
    this.#pass();
    this.#open = this.#open && fragment.test(text) && !isDated(text);
    if (this.#open) this.#take(text, this.#marksOf(text));
  }

  /** The line that was begun is whole: what follows is another, or nothing. */
  close(): void {
    this.#pass();
    this.#open = false;
  }

  #marksOf(text: string): number {
    let carried = 0;
    for (let i = 0; i < this.#marks.length; i++) if (this.#marks[i]!.test(text)) carried |= 1 << i;
    return carried;
  }

  #pass(): void {
    if (!this.#pending) return;
    this.#pending = false;
    const isSure = this.#whole.isAsRead && !this.#whole.isSoft;
    const text = this.#whole.take();
    const carried = text === this.#given ? this.#carried : this.#marksOf(text);
    this.#open = isSure || carried !== 0;
    if (this.#open) this.#take(text, carried);
  }
}

/**
 * Read a log once, with a stop after each block.
 * @param marks of which a wanted line carries one; each is looked for by itself, as frequent ones and rare ones at once are slower
 * @throws Unreadable for an empty source and for bytes that are no text
 */
export function* readingMarkedLines(source: ByteSource, marks: readonly RegExp[], take: TakeLine): Paced<void> {
  const lines = new MarkedLines(marks, take);
  const wanted = [...marks, /=\r?\n/].map((mark) => new RegExp(mark.source, "g"));
  const blocks = new LineBlocks(source);
  let any = false;
  while (blocks.next()) {
    any = true;
    const block = new Block(blocks.bytes, blocks.from, blocks.to);
    if (block.isBinary) throw new Unreadable(source.name, "", "a kernel log", "bytes that are no text");
    block.search(wanted, lines);
    yield blocks.progress;
  }
  lines.close();
  if (!any) throw new Unreadable(source.name, "", "a kernel log", "an empty file");
}

const decoder = new TextDecoder();

/** Whole lines as bytes, and as a text in which each character stands at its byte's place. */
class Block {
  readonly #bytes: Uint8Array;
  /** Marks are ASCII: what other bytes stand for matters only in a line that is wanted. */
  readonly #text: string;

  constructor(bytes: Uint8Array, from: number, to: number) {
    this.#bytes = bytes.subarray(from, to);
    this.#text = latin1(this.#bytes);
  }

  /** NUL bytes here and there, and not in a run as a crash leaves them in a log. */
  get isBinary(): boolean {
    if (!this.#bytes.includes(0)) return false;
    return (this.#text.match(/\0[^\0]/g)?.length ?? 0) > this.#text.length / 512;
  }

  search(wanted: readonly RegExp[], lines: MarkedLines): void {
    const bytes = this.#bytes;
    const next = wanted.map(() => -1);
    for (let at = 0; at < bytes.length; ) {
      if (lines.isOpen && isClock(bytes, at)) lines.close();
      if (lines.isOpen) {
        const end = bytes.indexOf(10, at);
        lines.line(this.#line(at, end));
        at = end + 1;
        continue;
      }
      let found = bytes.length;
      for (let i = 0; i < wanted.length; i++) {
        if (next[i]! < at) next[i] = this.#find(wanted[i]!, at);
        if (next[i]! < found) found = next[i]!;
      }
      if (found === bytes.length) return;
      const begin = Math.max(at, this.#text.lastIndexOf("\n", found) + 1);
      const end = bytes.indexOf(10, found);
      let carried = 0;
      // The last one is of a line that goes on.
      for (let i = 0; i < wanted.length - 1; i++) if (next[i]! < Math.min(end, begin + lineMax)) carried |= 1 << i;
      lines.marked(this.#line(begin, end), carried, this.#before(begin));
      at = end + 1;
    }
  }

  /** @returns the line before the one at `begin` when it ends with a colon, "" otherwise. */
  #before(begin: number): string {
    let end = begin - 1;
    while (end > 0 && (this.#bytes[end - 1]! === 0x20 || this.#bytes[end - 1]! === 0x0d)) end--;
    if (end < 1 || this.#bytes[end - 1] !== 0x3a) return "";
    return this.#line(this.#text.lastIndexOf("\n", end - 1) + 1, end);
  }

  /** @returns where it is found first from `at` on; the length when it is not. */
  #find(wanted: RegExp, at: number): number {
    wanted.lastIndex = at;
    return wanted.exec(this.#text)?.index ?? this.#bytes.length;
  }

  /** A text of its own, so that it does not keep the block alive. */
  #line(begin: number, end: number): string {
    const to = Math.min(end, begin + lineMax);
    const text = latin1(this.#bytes.subarray(begin, to));
    return beyondAscii.test(text) ? decoder.decode(this.#bytes.subarray(begin, to)) : text;
  }
}

/** Whether a line begins with the kernel's clock, as most do: "[    1.234567]", "[   12.330410] ", "[1234.5]". */
function isClock(bytes: Uint8Array, at: number): boolean {
  if (bytes[at] !== 0x5b) return false;
  let i = at + 1;
  while (bytes[i] === 0x20) i++;
  const digits = i;
  while (isDigit(bytes[i])) i++;
  return i > digits && bytes[i] === 0x2e && isDigit(bytes[i + 1]);
}

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;

const beyondAscii = /[\x80-\xff]/;
