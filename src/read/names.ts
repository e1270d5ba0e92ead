/** Strings that recur (devices, tasks) as small whole numbers, so that events stay columns of numbers. */
export class Names {
  readonly #ids = new Map<string, number>();
  readonly #names: string[] = [];

  get count(): number {
    return this.#names.length;
  }

  /** @returns the number of this string, the same each time; numbers count up from 0 in order of first use. */
  id(name: string): number {
    let id = this.#ids.get(name);
    if (id === undefined) {
      id = this.#names.length;
      this.#ids.set(name, id);
      this.#names.push(name);
    }
    return id;
  }

  /** @returns the string of a number given by `id`, or "" for one that was not. */
  name(id: number): string {
    return this.#names[id] ?? "";
  }
}
