/** Zstandard by WASM: Node 20 has none of its own. */
import { ZSTDDecoder } from "zstddec";

/**
 * Decompress one frame or several in a row.
 * @param size exact bytes it must give; the caller bounds it.
 * @throws Error when the input is damaged or gives another number of bytes.
 */
export type Decompress = (bytes: Uint8Array, size: number) => Uint8Array;

/** Set up the decoder, once for the process. Only this needs to wait; decompressing does not. */
export async function openZstd(): Promise<Decompress> {
  const decoder = new ZSTDDecoder();
  await initialise(decoder);
  return (bytes, size) => {
    if (size === 0) return new Uint8Array(0);
    const out = decoder.decode(bytes, size);
    if (out.length !== size) throw new Error(`zstd data that does not give ${size} bytes`);
    return out;
  };
}

/**
 * The decoder unpacks itself with `fetch` where there is one, which in Node loads a whole HTTP client (40 ms) for a few
 * bytes that `Buffer` gives at once. It looks for `fetch` before it first waits, so that nothing else can miss it.
 */
function initialise(decoder: ZSTDDecoder): Promise<void> {
  const own = Object.getOwnPropertyDescriptor(globalThis, "fetch");
  if (typeof Buffer === "undefined" || own?.configurable !== true) return decoder.init();
  Object.defineProperty(globalThis, "fetch", { value: undefined, configurable: true });
  try {
    return decoder.init();
  } finally {
    Object.defineProperty(globalThis, "fetch", own);
  }
}
