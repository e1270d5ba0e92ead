/**
 * How a sub-buffer of the ring buffer is laid out.
 *
 * Source: the text of tracing/events/header_page, which the file carries, as in
 *   field: u64 timestamp; offset:0; size:8; signed:0;
 *   field: local_t commit; offset:8; size:8; signed:1;
 *   field: char data; offset:16; size:4080; signed:0;
 */
export interface PageLayout {
  /** Bytes of `long` in the recorded kernel: 4 or 8. */
  readonly longBytes: number;
  readonly commitAt: number;
  readonly dataAt: number;
  /** Bytes of a whole sub-buffer: a page, or more since 6.8. */
  readonly pageBytes: number;
}

export const leastPageBytes = 4096;
/** The kernel allows more than the 64 KiB in use; a sub-buffer larger than this is taken for a damaged file. */
export const mostPageBytes = 4 * 1024 * 1024;

/** @returns the layout, or what is wrong with the text. */
export function pageLayout(text: string): PageLayout | string {
  const commit = field(text, "commit");
  const data = field(text, "data");
  const timestamp = field(text, "timestamp");
  if (commit === null || data === null || timestamp === null) return "no timestamp, commit and data";
  const pageBytes = data.offset + data.size;
  if (timestamp.offset !== 0 || timestamp.size !== 8) return `a timestamp of ${timestamp.size} bytes`;
  if (commit.size !== 4 && commit.size !== 8) return `a commit field of ${commit.size} bytes`;
  if (commit.offset < 8 || commit.offset + commit.size > data.offset) return "a commit field out of place";
  if (!sensiblePage(pageBytes) || data.offset > 64 || data.offset % 4 !== 0)
    return `a sub-buffer of ${pageBytes} bytes`;
  return { longBytes: commit.size, commitAt: commit.offset, dataAt: data.offset, pageBytes };
}

export function sensiblePage(bytes: number): boolean {
  return bytes >= leastPageBytes && bytes <= mostPageBytes && bytes % leastPageBytes === 0;
}

function field(text: string, name: string): { offset: number; size: number } | null {
  const m = new RegExp(`field:[^;]*\\b${name};\\s*offset:(\\d{1,8});\\s*size:(\\d{1,8});`).exec(text);
  return m === null ? null : { offset: Number(m[1]), size: Number(m[2]) };
}
