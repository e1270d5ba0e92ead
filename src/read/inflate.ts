/** zlib data (RFC 1950): by Node's own zlib where there is one, by a port of it to JavaScript elsewhere. */

/**
 * Unpack a whole stream.
 * @param most bytes that it may give
 * @throws Error when it is damaged, cut, or gives more.
 */
export type Inflate = (bytes: Uint8Array, most: number) => Uint8Array;

/** Set up what unpacks. Only this needs to wait. */
export async function openInflate(): Promise<Inflate> {
  const zlib = typeof process === "undefined" ? undefined : process.getBuiltinModule?.("zlib");
  if (zlib === undefined) return portableInflate();
  return (bytes, most) => zlib.inflateSync(bytes, { maxOutputLength: most });
}

/** The one that needs no Node. */
export async function portableInflate(): Promise<Inflate> {
  const { ZStream, zlibInflate, zlibInflateInit, Z_FINISH, Z_STREAM_END } = await import("pako");
  return (bytes, most) => {
    const stream = new ZStream();
    zlibInflateInit(stream);
    stream.input = bytes;
    stream.avail_in = bytes.length;
    stream.output = new Uint8Array(most);
    stream.avail_out = most;
    const ended = zlibInflate(stream, Z_FINISH);
    if (ended !== Z_STREAM_END) throw new Error(stream.msg || "zlib data that is cut or too long");
    return stream.output.subarray(0, stream.next_out);
  };
}
