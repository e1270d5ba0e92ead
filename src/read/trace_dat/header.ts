/**
 * The first bytes of a trace.dat file, and the text of the ring buffer's layout.
 *
 * Source: trace-cmd.dat.v6(5) and trace-cmd.dat.v7(5), INITIAL FORMAT and HEADER INFO.
 */
import type { ByteSource } from "../bytes.js";
import { Unreadable } from "../unreadable.js";
import { Cursor } from "./cursor.js";
import { type PageLayout, pageLayout } from "./page_layout.js";

const magic = "\x17\x08\x44tracing";

export interface Header {
  readonly version: 6 | 7;
  /** Behind the page size: what follows differs by version. */
  readonly rest: Cursor;
}

/** @returns true when the bytes begin as a trace.dat file does. */
export function isTraceDat(first: Uint8Array): boolean {
  for (let i = 0; i < magic.length; i++) if (first[i] !== magic.charCodeAt(i)) return false;
  return true;
}

export function readHeader(source: ByteSource): Header {
  const first = new Uint8Array(magic.length);
  if (source.read(0, first) < magic.length || !isTraceDat(first)) {
    throw new Unreadable(source.name, "offset 0x0", "the first bytes of a trace.dat file", "others");
  }
  const start = new Cursor(source, true, magic.length);
  const version = start.string(8, "a version");
  if (version !== "6" && version !== "7")
    throw start.wrong("trace.dat of version 6 or 7", `version ${JSON.stringify(version)}`);
  const big = start.u8();
  if (big > 1) throw start.wrong("0 (little endian) or 1 (big endian)", String(big));
  const userLong = start.u8();
  if (userLong !== 4 && userLong !== 8) throw start.wrong("a long of 4 or 8 bytes", `one of ${userLong}`);
  const rest = new Cursor(source, big === 0, start.at);
  const pageBytes = rest.u32();
  if (pageBytes < 4096 || pageBytes > 1 << 20) throw rest.wrong("a page size", `${pageBytes} bytes`);
  return { version: version === "6" ? 6 : 7, rest };
}

const mostHeaderBytes = 65536;

/** The two texts of the ring buffer's layout. The second describes the event header, which never changed. */
export function readHeaderInfo(c: Cursor): PageLayout {
  expectName(c, "header_page");
  const page = c.text(headerSize(c), "the layout of a ring-buffer page");
  expectName(c, "header_event");
  c.skip(headerSize(c));
  const layout = pageLayout(page);
  if (typeof layout === "string") throw c.wrong("the layout of a ring-buffer page", layout);
  return layout;
}

function headerSize(c: Cursor): number {
  const size = c.u64();
  if (size > mostHeaderBytes) throw c.wrong(`a header of at most ${mostHeaderBytes} bytes`, `one of ${size} bytes`);
  return size;
}

function expectName(c: Cursor, name: string): void {
  const found = c.string(32, `"${name}"`);
  if (found !== name) throw c.wrong(`"${name}"`, JSON.stringify(found));
}
