/** Room for what can be read only in order, so that it can be read anywhere. */
import { mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { reason } from "../host/descriptor.js";
import { Unwritable } from "../host/misuse.js";

/** A file that is gone from its folder at once and from the disk when its descriptor is closed. */
export class Scratch {
  readonly fd: number;
  /** Bytes. */
  size = 0;
  readonly #name: string;

  /** @param name what is kept in it. @throws Unwritable */
  constructor(name: string) {
    this.#name = name;
    this.fd = this.#try(() => {
      const folder = mkdtempSync(join(tmpdir(), "dmalab-"));
      try {
        return openSync(join(folder, "scratch"), "w+", 0o600);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }

  /** @throws Unwritable */
  add(bytes: Uint8Array): void {
    this.#try(() => {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.fd, bytes, at);
    });
    this.size += bytes.length;
  }

  #try<T>(step: () => T): T {
    try {
      return step();
    } catch (error) {
      const where = `${tmpdir()} for what ${this.#name} holds`;
      throw new Unwritable(`no room in ${where}: ${reason(error)} (TMPDIR names another folder)`);
    }
  }
}
