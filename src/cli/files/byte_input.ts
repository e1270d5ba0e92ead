/** A file as a reader takes it: bytes that can be read anywhere, and what is wrong with them. */
import { closeSync } from "node:fs";
import type { ByteSource } from "../../read/bytes.js";
import { readAt } from "../host/descriptor.js";
import type { FileKey } from "../host/host.js";
import type { Progress } from "../progress/progress.js";

export interface Input extends ByteSource {
  /** What had to be left out before any reader saw a byte; null when nothing was. */
  readonly damage: string | null;
  /** The open file that holds these very bytes; absent where they are in memory. */
  readonly fd?: number;
  close(): void;
}

/** Who reads: it gives standard input, is told which files are read, and shows how far that is. */
export interface Reader {
  standardInput(): AsyncIterable<Uint8Array>;
  reads(name: string, file: FileKey): void;
  progress(name: string): Progress;
}

/** @param damage what was left out of it */
export function fromDescriptor(name: string, fd: number, size: number, damage: string | null): Input {
  return {
    name,
    size,
    damage,
    fd,
    read: (offset, into) => readAt(fd, offset, into),
    close: () => closeSync(fd),
  };
}
