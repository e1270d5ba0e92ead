/** Files that the user names, opened for reading anywhere. */
import { closeSync, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { Unreadable } from "../read/unreadable.js";

export interface Opened {
  readonly fd: number;
  readonly stat: Stats;
}

/** @param wanted what the message says was expected. @throws Unreadable for what is missing or no regular file. */
export function openRegular(path: string, wanted: { readonly readable: string; readonly file: string }): Opened {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    throw new Unreadable(path, "", wanted.readable, reason(error));
  }
  const stat = fstatSync(fd);
  if (stat.isFile()) return { fd, stat };
  closeSync(fd);
  throw new Unreadable(path, "", wanted.file, stat.isDirectory() ? "a directory" : "something that is no regular file");
}

/** Read up to `into.length` bytes at byte `offset`. @returns how many: less than asked for only at the end. */
export function readAt(fd: number, offset: number, into: Uint8Array): number {
  let done = 0;
  while (done < into.length) {
    const n = readSync(fd, into, done, into.length - done, offset + done);
    if (n === 0) break;
    done += n;
  }
  return done;
}

/** Why the system refused, in words. */
export function reason(error: unknown): string {
  const code = (error as { code?: string }).code;
  if (code === "ENOENT") return "nothing at that path";
  if (code === "EACCES" || code === "EPERM") return "no permission to read it";
  return error instanceof Error ? error.message : String(error);
}
