/** Which files one call reads and writes, so that no output overwrites what is read, and no two are one file. */
import type { FileKey } from "../host/host.js";
import { AskedWrongly } from "../host/misuse.js";

interface Touched {
  /** The file as the user or the folder names it. */
  readonly name: string;
  readonly file: FileKey;
}

export class TouchedFiles {
  readonly #read: Touched[] = [];
  readonly #written: (Touched & { readonly option: string })[] = [];

  /** @throws AskedWrongly when it is to be written as well. */
  reads(name: string, file: FileKey): void {
    const output = this.#written.find((w) => w.file === file);
    if (output !== undefined) throw overwritten(output.option, output.name, name);
    this.#read.push({ name, file });
  }

  /**
   * @param option which output it is: "--html"
   * @throws AskedWrongly when it is read, or is another output too.
   */
  writes(option: string, name: string, file: FileKey): void {
    const input = this.#read.find((r) => r.file === file);
    if (input !== undefined) throw overwritten(option, name, input.name);
    const other = this.#written.find((w) => w.file === file);
    if (other !== undefined) throw doubled(option, other.option, name);
    this.#written.push({ option, name, file });
  }
}

function overwritten(option: string, output: string, input: string): AskedWrongly {
  const which = output === input ? "is a file that is read" : `is the same file as ${input}, which is read`;
  return new AskedWrongly(`${named(option, output)} ${which}: give the output another name`);
}

/** Standard output has no other name. */
const named = (option: string, output: string): string => (output === "" ? option : `${option} ${output}`);

function doubled(option: string, other: string, name: string): AskedWrongly {
  return new AskedWrongly(`${option} and ${other} both write to ${name}: give one of them another name`);
}
