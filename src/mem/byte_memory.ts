/** Memory as something that carries bytes: the machine's own by machine address, a guest kernel's by its physical one. */
export interface ByteMemory {
  /** Copy bytes out. @throws Misuse `outside-memory` when any byte of the range does not exist. */
  read(address: number, into: Uint8Array): void;
  /** Copy bytes in. @throws Misuse `outside-memory` as `read` does. */
  write(address: number, from: Uint8Array): void;
  /** Copy `count` bytes from one place to another; the ranges may overlap. @throws Misuse `outside-memory`. */
  copy(o: { readonly from: number; readonly to: number; readonly count: number }): void;
}
