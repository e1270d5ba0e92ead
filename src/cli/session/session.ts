/** One call of the command: what it prints, which files it reads and writes, how far it is. */
import { statSync } from "node:fs";
import type { Paced } from "../../base/paced.js";
import { type Input, openInput } from "../files/input.js";
import { FileOutput, type Output, targetOf } from "../files/output.js";
import { TouchedFiles } from "../files/touched.js";
import { toAscii } from "../host/ascii.js";
import { keyOf } from "../host/descriptor.js";
import type { FileKey, Host } from "../host/host.js";
import { AskedWrongly } from "../host/misuse.js";
import { type Coloring, type Screen, screenOf } from "../host/terminal.js";
import { type Progress, ProgressLine } from "../progress/progress.js";

/** What the options of every verb say of the output. */
export interface SessionFlags {
  readonly color?: Coloring;
  readonly json?: boolean;
}

/** Characters that are gathered before they are written. */
const gatheredMax = 1 << 16;
/** Milliseconds of work after which the event loop gets its turn: Ctrl-C is noticed there. */
const breathAfter = 100;

/** The event loop's turn. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class Session {
  readonly host: Host;
  readonly screen: Screen;
  readonly #files = new TouchedFiles();
  readonly #outputs: Output[] = [];
  readonly #progress: ProgressLine;
  /** Which option standard output belongs to; null: to the report for people. */
  #printed: string | null;
  #stdinRead = false;
  #breath = Date.now();
  /** Says that nothing is to be put right any more. */
  #takeBack: () => void = () => {};

  constructor(host: Host, flags: SessionFlags = {}) {
    this.host = host;
    this.screen = screenOf(host, flags.color);
    this.#progress = new ProgressLine(host.stderr, this.screen.signs, host.env["TERM"]);
    this.#printed = flags.json === true ? "--json" : null;
    if (host.stdout.file !== null) this.#files.writes("standard output", "", host.stdout.file);
  }

  /** Print lines for people; nothing where standard output belongs to a document. */
  say(lines: Iterable<string>): void {
    if (this.#printed !== null) return;
    const { signs } = this.screen;
    this.#write(lines, (line) => `${signs ? line : toAscii(line)}\n`);
  }

  /** Print a document as it is, in pieces. */
  print(pieces: Iterable<string>): void {
    this.#write(pieces, (piece) => piece);
  }

  json(document: object): void {
    this.print([JSON.stringify(document, null, 2), "\n"]);
  }

  /**
   * Open a file that the user named: `-` is standard input.
   * @throws Unreadable, AskedWrongly
   */
  async open(path: string): Promise<Input> {
    return openInput(path, this);
  }

  /** Standard input, which can be read once. @throws AskedWrongly the second time. */
  standardInput(): AsyncIterable<Uint8Array> {
    if (this.#stdinRead)
      throw new AskedWrongly("- is standard input, which can be read only once: give a file instead");
    this.#stdinRead = true;
    if (this.host.stdinFile !== null) this.reads("standard input", this.host.stdinFile);
    return this.host.stdin;
  }

  /** @throws AskedWrongly when the file is written as well. */
  reads(name: string, file: FileKey): void {
    this.#files.reads(name, file);
  }

  /** A file that is opened elsewhere. @throws AskedWrongly when it is written as well. */
  readsFile(path: string): void {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat !== undefined) this.reads(path, keyOf(stat));
  }

  /**
   * A file to be written: `-` is standard output, and nothing else is printed there then.
   * @param option which output it is: "--html"
   * @throws Unwritable, AskedWrongly
   */
  output(option: string, path: string): Output {
    const target = path === "-" ? null : targetOf(option, path);
    const { stdout } = this.host;
    const isStandard = target === null || (target.stat?.isFIFO() === true && target.key === stdout.file);
    if (isStandard) {
      if (this.#printed !== null) {
        throw new AskedWrongly(`${this.#printed} and ${option} - both write to standard output: name a file for one`);
      }
      this.#printed = option;
      return { write: (data) => void stdout.write(data), commit() {}, abandon() {} };
    }
    // Devices take whatever comes.
    if (target.stat === null || target.stat.isFile() || target.stat.isFIFO()) {
      this.#files.writes(option, path, target.key);
    }
    if (this.#outputs.length === 0) this.#takeBack = this.host.beforeEnd(() => this.end());
    const output = new FileOutput(option, target);
    this.#outputs.push(output);
    return output;
  }

  /** Say what stands in which file, under what was said before. */
  sayWritten(files: readonly (readonly [what: string, file: string | undefined])[]): void {
    const rows = files.flatMap(([what, file]) => (file === undefined ? [] : [`${what}: ${file}`]));
    if (rows.length > 0) this.say(["", ...rows]);
  }

  progress(name: string): Progress {
    return this.#progress.begin(name);
  }

  /** Run work that may compute for long: it is shown, and Ctrl-C ends it. @throws Interrupted */
  async during<T>(name: string, work: (progress: Progress) => T): Promise<T> {
    const progress = this.progress(name);
    try {
      // A Ctrl-C that came before is noticed now; one that slips in between at least afterwards.
      await turn();
      const done = this.host.interruptible(() => work(progress));
      await turn();
      return done;
    } finally {
      progress.done();
    }
  }

  /** Do long work that stops now and then: it is shown, and Ctrl-C ends it at the next stop. */
  async paced<T>(name: string, work: Paced<T>): Promise<T> {
    const progress = this.progress(name);
    try {
      for (;;) {
        const { done, value } = work.next();
        if (done === true) return value;
        progress.at(value);
        await this.breath();
      }
    } finally {
      progress.done();
    }
  }

  /** @returns what to wait for, when work has gone on for so long that the event loop should have its turn. */
  breath(): Promise<void> | undefined {
    if (Date.now() - this.#breath < breathAfter) return undefined;
    return turn().then(() => {
      this.#breath = Date.now();
    });
  }

  /** Take away what was begun and not completed. */
  end(): void {
    this.#progress.clear();
    for (const output of this.#outputs) output.abandon();
    this.#takeBack();
  }

  #write(pieces: Iterable<string>, shown: (piece: string) => string): void {
    const { stdout } = this.host;
    // On a terminal the lines themselves show that something happens.
    if (stdout.isTerminal) this.#progress.clear();
    const progress = stdout.isTerminal ? null : this.progress("writing the report");
    this.host.interruptible(() => {
      let gathered = "";
      for (const piece of pieces) {
        gathered += shown(piece);
        if (gathered.length < gatheredMax) continue;
        if (!stdout.write(gathered)) return;
        gathered = "";
      }
      stdout.write(gathered);
    });
    progress?.done();
  }
}
