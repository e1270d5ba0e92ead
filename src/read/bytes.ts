/** Where a reader's bytes come from. Readers take bytes and open no file: the command line supplies these. */

/** A run of bytes of known length that can be read anywhere. */
export interface ByteSource {
  /** What messages call it: a file's name as the user gave it. */
  readonly name: string;
  /** Length in bytes. */
  readonly size: number;
  /**
   * Read up to `into.length` bytes at byte `offset`.
   * @returns how many were read: less than asked for only at the end, 0 past it.
   */
  read(offset: number, into: Uint8Array): number;
  /** All of them, when they are in memory already: readers may look at them, not change them, instead of copying. */
  readonly bytes?: Uint8Array;
}

/** Bytes already in memory. */
export function memorySource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.length,
    bytes,
    read(offset, into) {
      const part = bytes.subarray(offset, offset + into.length);
      into.set(part);
      return part.length;
    },
  };
}
