/** Compressed inputs, unpacked before they are read. */
import { closeSync } from "node:fs";
import { basename } from "node:path";
import { createGunzip, type Gunzip } from "node:zlib";
import { gzipDamage, noGzip, unpackZstd as unpackZstdInMemory } from "../../read/packed.js";
import { Unreadable } from "../../read/unreadable.js";
import { reason } from "../host/descriptor.js";
import { Unwritable } from "../host/misuse.js";
import type { Progress } from "../progress/progress.js";
import { fromDescriptor, type Input, type Reader } from "./byte_input.js";
import { Scratch } from "./scratch.js";

/** A compressed file may not grow beyond this: 64 GiB. */
const unpackedMax = 2 ** 36;

/** A stream that ends early gives what it held so far, and says so. */
export async function unpackGzip(packed: Input, reader: Reader): Promise<Input> {
  const progress = reader.progress(`unpacking ${basename(packed.name)}`);
  try {
    const scratch = new Scratch(packed.name);
    const damage = await gunzipInto(scratch, packed, progress);
    packed.close();
    if (scratch.size > 0) return fromDescriptor(packed.name, scratch.fd, scratch.size, damage);
    closeSync(scratch.fd);
    throw noGzip(packed.name);
  } finally {
    progress.done();
  }
}

/** @returns what is wrong with the data; null when all of it was unpacked. */
async function gunzipInto(scratch: Scratch, packed: Input, progress: Progress): Promise<string | null> {
  const gunzip = createGunzip();
  let damage: string | null = null;
  const drained = (async () => {
    for await (const chunk of gunzip) {
      scratch.add(chunk as Uint8Array);
      if (scratch.size > unpackedMax) {
        throw new Unreadable(packed.name, "", `at most ${unpackedMax} bytes unpacked`, "more");
      }
    }
  })().catch((error: unknown) => {
    if (error instanceof Unreadable || error instanceof Unwritable) throw error;
    damage = gzipDamage(reason(error), scratch.size);
  });
  // What goes wrong is told where it is waited for.
  drained.catch(() => {});
  const block = new Uint8Array(1 << 17);
  for (let at = 0; at < packed.size && damage === null && !gunzip.destroyed; ) {
    const n = packed.read(at, block);
    if (n === 0) break;
    at += n;
    if (!gunzip.write(block.slice(0, n))) await Promise.race([onceDrained(gunzip), drained]);
    progress.at(at / packed.size);
  }
  if (!gunzip.destroyed) gunzip.end();
  await drained;
  return damage;
}

/** Listeners are taken away again: a large file has thousands of blocks. */
function onceDrained(stream: Gunzip): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off("drain", done);
      stream.off("close", done);
      resolve();
    };
    stream.on("drain", done);
    stream.on("close", done);
  });
}

export async function unpackZstd(packed: Input, reader: Reader): Promise<Input> {
  const progress = reader.progress(`unpacking ${basename(packed.name)}`);
  try {
    return { ...(await unpackZstdInMemory(packed)), close() {} };
  } finally {
    packed.close();
    progress.done();
  }
}
