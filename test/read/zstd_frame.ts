/** zstd data as a packer makes it that packs nothing. */

/** A frame of blocks that are kept as they are. Source: RFC 8878, 3.1.1. */
export function zstdFrame(of: Uint8Array): Buffer {
  const most = 1 << 17;
  const parts: Uint8Array[] = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0])];
  Buffer.from(parts[0]!.buffer).writeUInt32LE(of.length, parts[0]!.byteOffset + 5);
  for (let at = 0; at < of.length; at += most) {
    const block = of.subarray(at, at + most);
    const head = (block.length << 3) | (at + most >= of.length ? 1 : 0);
    parts.push(Buffer.from([head, head >> 8, head >> 16]), block);
  }
  return Buffer.concat(parts);
}
