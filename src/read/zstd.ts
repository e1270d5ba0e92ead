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
  await decoder.init();
  return (bytes, size) => {
    if (size === 0) return new Uint8Array(0);
    const out = decoder.decode(bytes, size);
    if (out.length !== size) throw new Error(`zstd data that does not give ${size} bytes`);
    return out;
  };
}
