/**
 * Files as byte sources. What the user names: plain files, pipes, `.gz`, `.zst` and UTF-16 by their
 * content, and standard input as `-`.
 */
import { closeSync, createReadStream } from "node:fs";
import { packingOf } from "../../read/packed.js";
import { Unreadable } from "../../read/unreadable.js";
import { asUtf8 } from "../../read/utf16.js";
import { keyOf, openRegular } from "../host/descriptor.js";
import { fromDescriptor, type Input, type Reader } from "./byte_input.js";
import { Scratch } from "./scratch.js";
import { unpackGzip, unpackZstd } from "./unpack.js";

export type { Input } from "./byte_input.js";

/** @throws Unreadable for a missing file, a directory, an empty or damaged one; AskedWrongly for one that is written. */
export async function openInput(path: string, reader: Reader): Promise<Input> {
  const packed =
    path === "-" ? await spool("standard input", reader.standardInput(), reader) : await open(path, reader);
  if (packed.size === 0) {
    packed.close();
    throw new Unreadable(packed.name, "", "a file with something in it", "an empty file");
  }
  const packing = packingOf(packed);
  if (packing === null) return inUtf8(packed);
  return inUtf8(await (packing === "gzip" ? unpackGzip(packed, reader) : unpackZstd(packed, reader)));
}

/** @throws Unreadable for too much text in UTF-16 */
function inUtf8(input: Input): Input {
  const text = asUtf8(input);
  if (text === input) return input;
  input.close();
  return { ...text, close() {} };
}

async function open(path: string, reader: Reader): Promise<Input> {
  if (path === "") throw new Unreadable('""', "", "a readable file", "an empty name");
  const { fd, stat } = openRegular(path, { readable: "a readable file", file: "a file", pipes: true });
  try {
    reader.reads(path, keyOf(stat));
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  if (stat.isFIFO()) return spool(path, createReadStream(path, { fd }), reader);
  return fromDescriptor(path, fd, stat.size, null);
}

/** What can be read only once, kept where it can be read anywhere. */
async function spool(name: string, bytes: AsyncIterable<Uint8Array>, reader: Reader): Promise<Input> {
  const scratch = new Scratch(name);
  const progress = reader.progress(`reading ${name}`);
  for await (const chunk of bytes) scratch.add(chunk);
  progress.done();
  return fromDescriptor(name, scratch.fd, scratch.size, null);
}
