/**
 * trace.dat files made from the parts of a real one, in any version, compression, byte order and sub-buffer size.
 *
 * Source: trace-cmd.dat.v6(5), trace-cmd.dat.v7(5). Takes files of version 6, little endian, apart.
 */
import { deflateSync } from "node:zlib";
import { type RingChoices, type RingEvent, type RingShape, ringEvents, ringPages } from "./ring_pages.js";

/** What a file is made of; pages as they were recorded, little endian. */
export interface Parts {
  ftrace: string[];
  systems: { name: string; formats: string[] }[];
  commands: string;
  options: { id: number; data: Uint8Array }[];
  cpus: { cpu: number; pages: Uint8Array; events: RingEvent[] }[];
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

/** Take a file of version 6 apart. */
export function takeApart(file: Uint8Array): Parts {
  const b = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  let at = 18; // magic, "6\0", endian, long, page size
  const u32 = () => b.readUInt32LE((at += 4) - 4);
  const u64 = () => Number(b.readBigUInt64LE((at += 8) - 8));
  const take = (n: number) => b.subarray(at, (at += n));
  const string = () => text(take(b.indexOf(0, at) - at + 1)).slice(0, -1);
  for (const name of ["header_page", "header_event"]) {
    if (string() !== name) throw new Error(`no ${name}`);
    take(u64());
  }
  const formats = (count: number) => Array.from({ length: count }, () => text(take(u64())));
  const ftrace = formats(u32());
  const systems = Array.from({ length: u32() }, () => ({ name: string(), formats: formats(u32()) }));
  take(u32());
  take(u32());
  const commands = text(take(u64()));
  const cpuCount = u32();
  const options: Parts["options"] = [];
  let tag = text(take(10));
  if (tag.startsWith("options")) {
    for (let id = b.readUInt16LE((at += 2) - 2); id !== 0; id = b.readUInt16LE((at += 2) - 2)) {
      options.push({ id, data: take(u32()) });
    }
    tag = text(take(10));
  }
  if (tag !== "flyrecord\0") throw new Error(`found ${tag}`);
  const where = Array.from({ length: cpuCount }, (_, cpu) => ({ cpu, offset: u64(), size: u64() }));
  const cpus = where.map(({ cpu, offset, size }) => {
    const pages = Uint8Array.from(b.subarray(offset, offset + size));
    return { cpu, pages, events: ringEvents(pages) };
  });
  return { ftrace, systems, commands, options, cpus };
}

/** Keep only the formats of these systems. */
export function only(parts: Parts, systems: readonly string[]): Parts {
  return { ...parts, ftrace: [], systems: parts.systems.filter((s) => systems.includes(s.name)) };
}

/** @returns the record in big endian, by its format. */
function swapped(record: Uint8Array, formats: ReadonlyMap<number, string>): Uint8Array {
  const out = record.slice();
  if (record.length < 2) return out;
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  const reverse = (at: number, size: number) => out.subarray(at, at + size).reverse();
  const format = formats.get(view.getUint16(0, true)) ?? "";
  for (const m of format.matchAll(/field:([^;]*);\s*offset:(\d+);\s*size:(\d+);/g)) {
    const [at, size] = [Number(m[2]), Number(m[3])];
    reverse(at, size);
    const list = /__data_loc (.*)\[\]/.exec(m[1]!)?.[1];
    if (list === undefined || list === "char") continue;
    const location = view.getUint32(at, true);
    const step = list === "u64" ? 8 : 4;
    for (let e = location & 0xffff; e < (location & 0xffff) + (location >>> 16); e += step) reverse(e, step);
  }
  return out;
}

/** Bytes in order, with numbers in the file's byte order. */
class Out {
  readonly #parts: Uint8Array[] = [];
  readonly little: boolean;
  length = 0;

  constructor(little: boolean) {
    this.little = little;
  }

  bytes(b: Uint8Array): this {
    this.#parts.push(b);
    this.length += b.length;
    return this;
  }

  text(t: string): this {
    return this.bytes(Buffer.from(t, "latin1"));
  }

  number(value: number, size: 1 | 2 | 4 | 8): this {
    const b = Buffer.alloc(8);
    if (this.little) b.writeBigUInt64LE(BigInt(value));
    else b.writeBigUInt64BE(BigInt(value));
    return this.bytes(this.little ? b.subarray(0, size) : b.subarray(8 - size));
  }

  sized(t: string, size: 4 | 8): this {
    return this.number(t.length, size).text(t);
  }

  pad(to: number): this {
    return this.bytes(new Uint8Array((to - (this.length % to)) % to));
  }

  all(): Uint8Array {
    return Uint8Array.from(Buffer.concat(this.#parts)); // no Buffer: its slice shares memory
  }
}

export interface FileShape extends RingShape {
  version: 6 | 7;
  compression: "none" | "zlib";
  choices?: RingChoices;
  /** Name of the buffer, for version 7. */
  buffer?: string;
  clock?: string;
}

export const plainV6: FileShape = { version: 6, compression: "none", little: true, longBytes: 8, pageBytes: 4096 };
export const plainV7: FileShape = { ...plainV6, version: 7 };

function headerInfo(o: Out, { longBytes, pageBytes }: RingShape): Out {
  const data = 8 + longBytes;
  const page =
    "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n" +
    `\tfield: local_t commit;\toffset:8;\tsize:${longBytes};\tsigned:1;\n` +
    `\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n` +
    `\tfield: char data;\toffset:${data};\tsize:${pageBytes - data};\tsigned:1;\n`;
  return o.text("header_page\0").sized(page, 8).text("header_event\0").sized("# compressed entry header\n", 8);
}

function ftraceFormats(o: Out, parts: Parts): Out {
  o.number(parts.ftrace.length, 4);
  for (const f of parts.ftrace) o.sized(f, 8);
  return o;
}

function eventFormats(o: Out, parts: Parts): Out {
  o.number(parts.systems.length, 4);
  for (const s of parts.systems) {
    o.text(`${s.name}\0`).number(s.formats.length, 4);
    for (const f of s.formats) o.sized(f, 8);
  }
  return o;
}

/** The pages of each CPU in the file's shape: as they were recorded when it is that of the recording. */
export function cpuPages(parts: Parts, shape: FileShape): { cpu: number; pages: Uint8Array }[] {
  const { little, longBytes, pageBytes } = shape;
  if (shape.choices === undefined && little && longBytes === 8 && pageBytes === 4096) return parts.cpus;
  const formats = new Map(
    parts.systems.flatMap((s) => s.formats.map((f) => [Number(/ID: (\d+)/.exec(f)?.[1]), f] as const)),
  );
  return parts.cpus.map(({ cpu, events }) => {
    const ordered = shape.little ? events : events.map((e) => ({ ...e, record: swapped(e.record, formats) }));
    return { cpu, pages: ringPages(ordered, shape, shape.choices) };
  });
}

export function writeTraceDat(parts: Parts, shape: FileShape): Uint8Array {
  const o = new Out(shape.little);
  o.text(`\x17\x08\x44tracing${shape.version}\0`)
    .number(shape.little ? 0 : 1, 1)
    .number(8, 1)
    .number(4096, 4);
  return shape.version === 6 ? writeVersion6(o, parts, shape) : writeVersion7(o, parts, shape);
}

function writeVersion6(o: Out, parts: Parts, shape: FileShape): Uint8Array {
  headerInfo(o, shape);
  ftraceFormats(o, parts);
  eventFormats(o, parts);
  o.number(0, 4).number(0, 4).sized(parts.commands, 8).number(parts.cpus.length, 4);
  o.text("options  \0");
  for (const { id, data } of plainOptions(parts, shape)) o.number(id, 2).number(data.length, 4).bytes(data);
  o.number(0, 2).text("flyrecord\0");
  const cpus = cpuPages(parts, shape);
  let offset = Math.ceil((o.length + cpus.length * 16) / 4096) * 4096;
  for (const { pages } of cpus) {
    o.number(offset, 8).number(pages.length, 8);
    offset += Math.ceil(pages.length / 4096) * 4096;
  }
  for (const { pages } of cpus) o.pad(4096).bytes(pages);
  return o.all();
}

/** Options of text, and the CPU count in the file's byte order. */
function plainOptions(parts: Parts, { little, clock }: FileShape): Parts["options"] {
  return parts.options
    .filter(({ id }) => id !== 23)
    .map(({ id, data }) => {
      if (id === 8) return { id, data: new Out(little).number(Buffer.from(data).readUInt32LE(0), 4).all() };
      if (id === 4 && clock !== undefined) return { id, data: Buffer.from(`local [${clock}]\n\0`) };
      return { id, data };
    });
}

function packed(o: Out, data: Uint8Array): Out {
  const squeezed = deflateSync(data);
  return o.number(squeezed.length, 4).number(data.length, 4).bytes(squeezed);
}

function writeVersion7(o: Out, parts: Parts, shape: FileShape): Uint8Array {
  const { little, compression } = shape;
  o.text(`${compression}\0${compression === "none" ? "" : "1.2.3"}\0`);
  const body = new Out(little);
  const start = o.length + 8;
  const section = (id: number, data: Uint8Array, mayPack = true): number => {
    const at = start + body.length;
    const pack = mayPack && compression !== "none";
    const inside = pack ? packed(new Out(little), data).all() : data;
    body
      .number(id, 2)
      .number(pack ? 1 : 0, 2)
      .number(0, 4)
      .number(inside.length, 8)
      .bytes(inside);
    return at;
  };
  const at8 = (at: number) => new Out(little).number(at, 8).all();
  const options: Parts["options"] = plainOptions(parts, shape).filter(({ id }) => id < 16);
  options.push({ id: 16, data: at8(section(16, headerInfo(new Out(little), shape).all())) });
  options.push({ id: 17, data: at8(section(17, ftraceFormats(new Out(little), parts).all())) });
  options.push({ id: 18, data: at8(section(18, eventFormats(new Out(little), parts).all())) });
  options.push({ id: 21, data: at8(section(21, new Out(little).sized(parts.commands, 8).all())) });
  options.push({ id: 3, data: bufferSection(body, start, parts, shape) });

  const list = new Out(little);
  for (const { id, data } of options) list.number(id, 2).number(data.length, 4).bytes(data);
  list.number(0, 2).number(8, 4).number(0, 8);
  const first = section(0, list.all(), false);
  return o.number(first, 8).bytes(body.all()).all();
}

/** Write the pages behind a section header. @returns the data of the option that describes them. */
function bufferSection(body: Out, start: number, parts: Parts, shape: FileShape): Uint8Array {
  const { little, compression, pageBytes } = shape;
  const at = start + body.length;
  const inside = new Out(little);
  const option = new Out(little);
  option.number(at, 8).text(`${shape.buffer ?? ""}\0${shape.clock ?? "local"}\0`);
  option.number(pageBytes, 4).number(parts.cpus.length, 4);
  for (const { cpu, pages } of cpuPages(parts, shape)) {
    const data = compression === "none" ? pages : chunks(pages, little, pageBytes * 10);
    option
      .number(cpu, 4)
      .number(at + 16 + inside.length, 8)
      .number(data.length, 8);
    inside.bytes(data);
  }
  body
    .number(3, 2)
    .number(compression === "none" ? 0 : 1, 2)
    .number(0, 4)
    .number(inside.length, 8);
  body.bytes(inside.all());
  return option.all();
}

function chunks(pages: Uint8Array, little: boolean, chunkBytes: number): Uint8Array {
  const o = new Out(little).number(Math.ceil(pages.length / chunkBytes), 4);
  for (let at = 0; at < pages.length; at += chunkBytes) packed(o, pages.subarray(at, at + chunkBytes));
  return o.all();
}
