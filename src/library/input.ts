/** What the functions read: bytes in memory, a Blob, or whatever can be read anywhere; compressed or not. */
import { type ByteSource, memorySource } from "../read/bytes.js";
import { openGunzip, packingOf, type Unpacked, unpackZstd } from "../read/packed.js";
import { Unreadable } from "../read/unreadable.js";
import { asUtf8 } from "../read/utf16.js";
import type { Work } from "./work.js";
import { BadOption } from "./work_options.js";

/**
 * Bytes: a Uint8Array (a Buffer is one), an ArrayBuffer, a Blob or File (in Node `await openAsBlob(path)` makes one of a
 * file), or a ByteSource for what does not fit into memory. Of `.gz` and `.zst` data what is in it is read;
 * text is UTF-8, or UTF-16 behind its byte order mark.
 */
export type Input = Uint8Array | ArrayBuffer | Blob | ByteSource;

/** The same, or text. */
export type TextInput = string | Input;

/** Read at once from a Blob. */
const blobPiece = 1 << 24;

/**
 * An input as readers take it: unpacked, and text in UTF-8.
 * @param option what it was given as: "recording", "log"
 * @param name what messages call it
 * @throws Unreadable for an empty one and for data that does not unpack; BadOption for what is no input.
 */
export async function openInput(option: string, input: TextInput, name: string, work: Work): Promise<Unpacked> {
  await work.turn();
  const source = await sourceOf(option, input, name, work);
  if (source.size === 0) throw new Unreadable(name, "", "something in it", "nothing");
  return asUtf8(await unpacked(source, name, work));
}

async function unpacked(source: ByteSource, name: string, work: Work): Promise<Unpacked> {
  const packing = packingOf(source);
  if (packing === "zstd") return unpackZstd(source);
  if (packing === "gzip") return work.run((await openGunzip())(source));
  // Not spread: of a class's object that would leave its methods behind.
  const { size, bytes } = source;
  const whole = { name, size, read: (offset: number, into: Uint8Array) => source.read(offset, into), damage: null };
  return bytes === undefined ? whole : { ...whole, bytes };
}

/**
 * A small text: a description, a table of registers, a list of devices.
 * @throws Unreadable for an empty one
 */
export async function textOf(option: string, input: TextInput, name: string, work: Work): Promise<string> {
  if (typeof input === "string" && input !== "") return input;
  const source = await openInput(option, input, name, work);
  const bytes = source.bytes ?? new Uint8Array(source.size);
  if (source.bytes === undefined) source.read(0, bytes);
  return new TextDecoder().decode(bytes);
}

async function sourceOf(option: string, input: TextInput, name: string, work: Work): Promise<ByteSource> {
  if (typeof input === "string") return memorySource(name, new TextEncoder().encode(input));
  // Told by what they can do: what comes from another window is an instance of nothing here.
  if (ArrayBuffer.isView(input)) {
    return memorySource(name, new Uint8Array(input.buffer, input.byteOffset, input.byteLength));
  }
  if (isByteSource(input)) return input;
  if (isBlob(input)) return memorySource(name, await bytesOf(input, work));
  if (isArrayBuffer(input)) return memorySource(name, new Uint8Array(input));
  throw new BadOption(option, input, "bytes, a Blob or a ByteSource was expected");
}

async function bytesOf(blob: Blob, work: Work): Promise<Uint8Array> {
  const bytes = new Uint8Array(blob.size);
  for (let at = 0; at < blob.size; at += blobPiece) {
    bytes.set(new Uint8Array(await blob.slice(at, at + blobPiece).arrayBuffer()), at);
    await work.turn();
  }
  return bytes;
}

/** Is it something that can be read, and no object of another kind? */
export const isInput = (given: unknown): given is TextInput =>
  typeof given !== "object" ||
  given === null ||
  ArrayBuffer.isView(given) ||
  isByteSource(given) ||
  isBlob(given) ||
  isArrayBuffer(given);

const isArrayBuffer = (input: unknown): input is ArrayBuffer =>
  /^\[object (Shared)?ArrayBuffer\]$/.test(Object.prototype.toString.call(input));

const isBlob = (input: unknown): input is Blob =>
  typeof (input as Partial<Blob> | null)?.slice === "function" && typeof (input as Blob).arrayBuffer === "function";

function isByteSource(input: unknown): input is ByteSource {
  const { size, read } = (input ?? {}) as Partial<ByteSource>;
  return typeof read === "function" && typeof size === "number" && Number.isSafeInteger(size) && size >= 0;
}
