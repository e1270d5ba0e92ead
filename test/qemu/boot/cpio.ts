/** An initial file system as the kernel unpacks it: a cpio archive of the "newc" form. */

export interface CpioFile {
  /** Path without a leading slash. */
  readonly path: string;
  /** Type and permission bits, as in stat. */
  readonly mode: number;
  readonly bytes: Uint8Array;
  /** Major and minor number of a device node. */
  readonly device?: readonly [number, number];
}

/** Source: Linux Documentation/driver-api/early-userspace/buffer-format.rst. */
export function cpio(files: readonly CpioFile[]): Uint8Array {
  const pieces: Uint8Array[] = [];
  const trailer: CpioFile = { path: "TRAILER!!!", mode: 0, bytes: new Uint8Array() };
  [...files, trailer].forEach((file, index) => {
    const name = Buffer.from(`${file.path}\0`);
    const [major, minor] = file.device ?? [0, 0];
    const numbers = [index + 1, file.mode, 0, 0, 1, 0, file.bytes.length, 0, 0, major, minor, name.length, 0];
    const header = Buffer.from(`070701${numbers.map((n) => n.toString(16).padStart(8, "0")).join("")}`);
    pieces.push(header, name, padding(header.length + name.length), file.bytes, padding(file.bytes.length));
  });
  return Buffer.concat(pieces);
}

const padding = (length: number) => new Uint8Array(-length & 3);
