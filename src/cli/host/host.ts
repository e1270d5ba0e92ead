/** What one call of the command runs on: a process, or a test that stands for one. */

/** What the system knows a file by, whatever its name: two names of one file have one key. */
export type FileKey = string;

export interface Sink {
  /**
   * Write all of it before returning.
   * @returns false once whoever read has gone away; what is written then is for nobody.
   * @throws Unwritable when the system refuses.
   */
  write(data: string | Uint8Array): boolean;
  readonly isTerminal: boolean;
  /** Columns of the terminal; undefined elsewhere. */
  readonly columns: number | undefined;
  /** The regular file or pipe that it leads to; null for devices, and where there is none. */
  readonly file: FileKey | null;
}

export interface Host {
  readonly stdin: AsyncIterable<Uint8Array>;
  /** The file that standard input is redirected from; null when it is none. */
  readonly stdinFile: FileKey | null;
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * Run work that does not return to the event loop for long.
   * @throws Interrupted at once when the user asks for the end meanwhile.
   */
  interruptible<T>(work: () => T): T;
  /**
   * What has to be put right before a signal ends the process: a file half written, a guest that stands still.
   * @returns takes it back.
   */
  beforeEnd(putRight: () => void | Promise<void>): () => void;
  /** A verb that may have computed much has ended: the process may have to do something before it can end. */
  settle(): void;
}

/** Thrown out of work that the user ended (Ctrl-C). */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** 128 + SIGINT, as shells count. */
export const interruptedCode = 130;
