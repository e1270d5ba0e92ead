/** Files that the user names, opened for reading anywhere, and the system's refusals in words. */
import { closeSync, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { Unreadable } from "../../read/unreadable.js";
import type { FileKey } from "./host.js";

export interface Opened {
  readonly fd: number;
  readonly stat: Stats;
}

export interface Wanted {
  /** What the message says was expected where nothing can be opened. */
  readonly readable: string;
  /** The same where something else than a file is there. */
  readonly file: string;
  /** Pipes serve as well: what comes out of them is kept elsewhere. */
  readonly pipes?: boolean;
}

/** @throws Unreadable for what is missing or no regular file. */
export function openRegular(path: string, wanted: Wanted): Opened {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    throw new Unreadable(path, "", wanted.readable, reason(error));
  }
  const stat = fstatSync(fd);
  if (stat.isFile() || (wanted.pipes === true && stat.isFIFO())) return { fd, stat };
  closeSync(fd);
  throw new Unreadable(path, "", wanted.file, kindOf(stat));
}

export const keyOf = (stat: Stats): FileKey => `${stat.dev}:${stat.ino}`;

/** What stands at a path where a file was expected. */
export function kindOf(stat: Stats): string {
  if (stat.isDirectory()) return "a directory";
  return stat.isSocket() ? "a socket" : "something that is no regular file";
}

/**
 * Read up to `into.length` bytes at byte `offset`.
 * @returns how many: less than asked for only at the end.
 */
export function readAt(fd: number, offset: number, into: Uint8Array): number {
  let done = 0;
  while (done < into.length) {
    const n = readSync(fd, into, done, into.length - done, offset + done);
    if (n === 0) break;
    done += n;
  }
  return done;
}

/** Source: errno(3), the codes that files, pipes and disks answer with. */
const reasons: Readonly<Record<string, string>> = {
  ENOENT: "nothing at that path",
  EACCES: "no permission",
  EPERM: "no permission",
  EEXIST: "something that is there already",
  EISDIR: "a directory",
  ENOTDIR: "something on the way to it that is no directory",
  ENAMETOOLONG: "a name that is too long",
  ELOOP: "links that lead in a circle",
  ENXIO: "nobody at its other end",
  ENOSPC: "no space left on the disk",
  EDQUOT: "no space left in the quota",
  EFBIG: "a file that would be too large",
  EROFS: "a file system that is read-only",
  ETXTBSY: "a program that is running",
  EMFILE: "too many files open",
  ENFILE: "too many files open",
  EIO: "an error of the disk",
  EBADF: "something that is closed",
};

/** Why the system refused, in words. */
export function reason(error: unknown): string {
  const { code } = error as { code?: string };
  if (code !== undefined && Object.hasOwn(reasons, code)) return reasons[code]!;
  return error instanceof Error ? error.message : String(error);
}
