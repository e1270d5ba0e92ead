/** Tasks and devices of lines as numbers: a string is made for the first line of each. */
import { Names } from "../names.js";
import { ByteNames, hashBytes } from "./byte_names.js";
import { decode } from "./notices.js";
import type { TextForm } from "./text_form.js";

/** Distinct tasks and devices kept by name; a recording of a machine has fewer. */
export const namesMax = 65536;
/** Bytes that a task may be printed with. */
const taskBytesMax = 256;

/** Instead of a number: a text that is no task. */
export const noTask = -2;

export class LineNames {
  readonly tasks = new Names();
  readonly devices = new Names();
  readonly #taskIds = new ByteNames(namesMax);
  readonly #deviceIds = new ByteNames(namesMax);
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #form: TextForm;
  readonly #sawTooMany: () => void;

  /** @param sawTooMany called for each name that is not kept because there are `namesMax` already. */
  constructor(bytes: Uint8Array, form: TextForm, sawTooMany: () => void) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#form = form;
    this.#sawTooMany = sawTooMany;
  }

  /** @returns the number of the task that bytes [from, to) print; -1 when it is not kept, `noTask` when it is none. */
  task(from: number, to: number): number {
    const hash = hashBytes(this.#view, from, to);
    const known = this.#taskIds.find(this.#view, from, to, hash);
    if (known !== -1) return known;
    if (to - from > taskBytesMax) return noTask;
    const text = this.#form.task(decode(this.#bytes, from, to));
    if (text === null) return noTask;
    return this.#keep(this.tasks, this.#taskIds, text, from, to, hash);
  }

  /** @returns the number of the device that bytes [from, to) name; -1 when it is not kept. */
  device(from: number, to: number): number {
    const hash = hashBytes(this.#view, from, to);
    const known = this.#deviceIds.find(this.#view, from, to, hash);
    if (known !== -1) return known;
    return this.#keep(this.devices, this.#deviceIds, decode(this.#bytes, from, to), from, to, hash);
  }

  /** @returns the number of a task that was seen before, -1 of another text. */
  knownTask(from: number, to: number): number {
    return this.#taskIds.find(this.#view, from, to, hashBytes(this.#view, from, to));
  }

  /** @returns the number of a device that was seen before, -1 of another text. */
  knownDevice(from: number, to: number): number {
    return this.#deviceIds.find(this.#view, from, to, hashBytes(this.#view, from, to));
  }

  #keep(names: Names, ids: ByteNames, text: string, from: number, to: number, hash: number): number {
    if (names.count >= namesMax) {
      this.#sawTooMany();
      return -1;
    }
    const id = names.id(text);
    if (!ids.add(this.#view, from, to, hash, id)) this.#sawTooMany();
    return id;
  }
}
