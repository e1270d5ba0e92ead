/** Zstandard: by Node's own where it has one (22.15 and later), by one in WebAssembly elsewhere. */

/**
 * Decompress one frame or several in a row, which give exactly the bytes that `into` has room for.
 * @throws Error when the input is damaged or gives another number of bytes; what `into` then holds means nothing.
 */
export type Decompress = (bytes: Uint8Array, into: Uint8Array) => void;

/** Set up the decoder. Only this needs to wait; decompressing does not. */
export async function openZstd(): Promise<Decompress> {
  const zlib = typeof process === "undefined" ? undefined : process.getBuiltinModule?.("zlib");
  return nativeZstd((zlib as ZlibWithZstd | undefined)?.zstdDecompressSync) ?? portableZstd();
}

/** What Node's types do not have yet. With `info` it tells how much of the input it took. */
type DecompressSync = (
  bytes: Uint8Array,
  options: { info: true; chunkSize: number; maxOutputLength: number },
) => { buffer: Uint8Array; engine: { bytesWritten: number } };
interface ZlibWithZstd {
  readonly zstdDecompressSync?: DecompressSync;
}

const leastChunkBytes = 64;

function nativeZstd(decompressSync: DecompressSync | undefined): Decompress | null {
  if (decompressSync === undefined) return null;
  return (bytes, into) => {
    if (into.length === 0) return;
    let taken = 0;
    let given = 0;
    // Some versions stop behind each frame.
    while (taken < bytes.length) {
      const room = into.length - given;
      const { buffer, engine } = decompressSync(bytes.subarray(taken), {
        info: true,
        chunkSize: Math.max(leastChunkBytes, room),
        maxOutputLength: Math.max(1, room),
      });
      if (engine.bytesWritten === 0 || buffer.length > room) break;
      into.set(buffer, given);
      taken += engine.bytesWritten;
      given += buffer.length;
    }
    if (taken !== bytes.length || given !== into.length) throw new Error(wrongSize(into));
  };
}

const wrongSize = (into: Uint8Array) => `zstd data that does not give ${into.length} bytes`;

/** What the decoder in WebAssembly exports that is used: zstd's own, and an allocator. */
interface ZstdExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  malloc(bytes: number): number;
  free(at: number): void;
  /** @returns how many bytes it gave; an error as a negative number. */
  ZSTD_decompress(into: number, room: number, from: number, bytes: number): number;
}

let portable: Promise<Decompress> | null = null;

/** The one that needs no Node: one for the process. */
export function portableZstd(): Promise<Decompress> {
  portable ??= startPortable();
  return portable;
}

/** Its own `decode` copies what it gives once more; the functions beneath it do not. */
async function startPortable(): Promise<Decompress> {
  const { ZSTDDecoder } = await import("zstddec");
  let exports: object | undefined;
  class Opened extends ZSTDDecoder {
    override _init(result: { readonly instance: { readonly exports: object } }): void {
      super._init(result);
      exports = result.instance.exports;
    }
  }
  const decoder = new Opened();
  await initialise(decoder);
  // It starts once for all who use it: whoever comes later is not told of the functions beneath.
  return exports === undefined ? byDecoder(decoder) : byExports(exports as ZstdExports);
}

function byDecoder(decoder: { decode(bytes: Uint8Array, size: number): Uint8Array }): Decompress {
  return (bytes, into) => {
    if (into.length === 0) return;
    const out = decoder.decode(bytes, into.length);
    if (out.length !== into.length) throw new Error(wrongSize(into));
    into.set(out);
  };
}

function byExports(zstd: ZstdExports): Decompress {
  const room = (bytes: number) => {
    const at = zstd.malloc(bytes);
    if (at === 0) throw new Error(`no room for ${bytes} bytes`);
    return at;
  };
  return (bytes, into) => {
    if (into.length === 0) return;
    const from = room(bytes.length);
    try {
      new Uint8Array(zstd.memory.buffer, from, bytes.length).set(bytes);
      const to = room(into.length);
      try {
        const given = zstd.ZSTD_decompress(to, into.length, from, bytes.length);
        if (given !== into.length) throw new Error(wrongSize(into));
        into.set(new Uint8Array(zstd.memory.buffer, to, given));
      } finally {
        zstd.free(to);
      }
    } finally {
      zstd.free(from);
    }
  };
}

/**
 * The decoder unpacks itself with `fetch` where there is one, which in Node loads a whole HTTP client (40 ms) for a few
 * bytes that `Buffer` gives at once. It looks for `fetch` before it first waits, so that nothing else can miss it.
 */
function initialise(decoder: { init(): Promise<void> }): Promise<void> {
  const own = Object.getOwnPropertyDescriptor(globalThis, "fetch");
  if (typeof Buffer === "undefined" || own?.configurable !== true) return decoder.init();
  Object.defineProperty(globalThis, "fetch", { value: undefined, configurable: true });
  try {
    return decoder.init();
  } finally {
    Object.defineProperty(globalThis, "fetch", own);
  }
}
