/**
 * A file that the command writes: whole or not at all. It is written beside its place and put there when it is complete,
 * so that a run that is cut short leaves what was there before. Devices and pipes are written as they are.
 */
import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  lstatSync,
  openSync,
  readlinkSync,
  realpathSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { keyOf, kindOf, reason } from "../host/descriptor.js";
import type { FileKey } from "../host/host.js";
import { Unwritable } from "../host/misuse.js";

/** Where an output goes. */
export interface Target {
  /** As the user wrote it. */
  readonly name: string;
  /** Links followed. */
  readonly path: string;
  /** null where nothing is yet. */
  readonly stat: Stats | null;
  readonly key: FileKey;
  /** Written where it is: a device, a pipe, a file whose folder takes no other. */
  readonly inPlace: boolean;
}

/**
 * Look at the place before any work is done for it.
 * @param option which output it is: "--html"
 * @throws Unwritable when nothing can be written there.
 */
export function targetOf(option: string, name: string): Target {
  const refuse = (found: string): never => {
    throw new Unwritable(`${option} ${name}: expected a place for a file, found ${found}`);
  };
  if (name === "") refuse("an empty name");
  try {
    const path = linkedTo(resolve(name));
    const stat = statSync(path, { throwIfNoEntry: false }) ?? null;
    if (stat !== null && (stat.isDirectory() || stat.isSocket())) refuse(kindOf(stat));
    if (stat !== null) accessSync(path, constants.W_OK);
    if (stat !== null && !stat.isFile()) return { name, path, stat, key: keyOf(stat), inPlace: true };
    const folder = dirname(path);
    const folderStat = statSync(folder, { throwIfNoEntry: false });
    if (folderStat === undefined) refuse(`no folder ${folder}`);
    const takesFiles = isWritable(folder);
    if (stat === null && !takesFiles) refuse(`no permission to write into ${folder}`);
    const key = stat === null ? `${keyOf(folderStat!)}/${basename(path)}` : keyOf(stat);
    return { name, path, stat, key, inPlace: !takesFiles };
  } catch (error) {
    if (error instanceof Unwritable) throw error;
    return refuse(reason(error));
  }
}

/** Links that may lead to one another: as many as Linux follows. */
const linksMax = 40;

/** Where a path leads, also when nothing is there. Special files of /proc are no paths and stay as they are. */
function linkedTo(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) return realpathSync(path);
  let at = path;
  for (let n = 0; n < linksMax && lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink() === true; n++) {
    if (statSync(at, { throwIfNoEntry: false }) !== undefined) return at;
    at = resolve(dirname(at), readlinkSync(at));
  }
  return at;
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface Output {
  /** @throws Unwritable */
  write(data: string | Uint8Array): void;
  /** Put the file in its place: nothing is written to it afterwards. @throws Unwritable */
  commit(): void;
  /** Leave what was there before; nothing happens after a commit. */
  abandon(): void;
}

export class FileOutput implements Output {
  readonly #option: string;
  readonly #target: Target;
  /** Where it is written until it is complete. */
  readonly #part: string;
  #fd: number | null = null;
  #done = false;
  /** A pipe whose reader has gone away: what is written then is for nobody. */
  #unread = false;

  constructor(option: string, target: Target) {
    this.#option = option;
    this.#target = target;
    const { path, inPlace } = target;
    this.#part = inPlace ? path : join(dirname(path), `.${basename(path)}.${process.pid}.part`);
  }

  write(data: string | Uint8Array): void {
    this.#try(() => {
      const bytes = typeof data === "string" ? Buffer.from(data) : data;
      const fd = this.#open();
      for (let at = 0; !this.#unread && at < bytes.length; ) at += writeSync(fd, bytes, at);
    });
  }

  commit(): void {
    this.#try(() => {
      closeSync(this.#open());
      this.#fd = null;
      if (!this.#target.inPlace) renameSync(this.#part, this.#target.path);
      this.#done = true;
    });
  }

  abandon(): void {
    if (this.#done) return;
    this.#done = true;
    if (this.#fd === null) return;
    closeSync(this.#fd);
    if (!this.#target.inPlace) unlinkSync(this.#part);
  }

  #open(): number {
    if (this.#fd !== null) return this.#fd;
    const { inPlace, stat } = this.#target;
    // "x": no link that someone laid there is followed.
    this.#fd = openSync(this.#part, inPlace ? "w" : "wx");
    if (!inPlace && stat !== null) fchmodSync(this.#fd, stat.mode & 0o777);
    return this.#fd;
  }

  #try(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#unread = (error as { code?: string }).code === "EPIPE";
      if (this.#unread) return;
      this.abandon();
      throw new Unwritable(`${this.#option} ${this.#target.name}: ${reason(error)}`);
    }
  }
}
