/**
 * Lists that were refused, with how often each was tried: a driver that cannot do without begins again with the same
 * buffer at once (usb_sg_wait does, in a loop without end).
 */
import type { Mappings } from "../contracts/mappings.js";
import { pauseMax } from "../other_pools/repeated_requests.js";
import type { RefusedTries } from "./outcome.js";

/** Lists followed at once, and told one by one. */
const openMax = 4096;
const toldMax = 100;

interface Row {
  readonly device: number;
  readonly from: number;
  to: number;
  tries: number;
}

/** The first entry of a list, which tells lists apart. */
interface First {
  readonly device: number;
  readonly key: string;
}

export class TryCounter {
  readonly #maps: Mappings;
  readonly #open = new Map<string, Row>();
  /** First entry of the list that each task has under way. */
  readonly #firsts = new Map<number, First>();
  readonly #again: Row[] = [];
  #lists = 0;
  #tries = 0;

  constructor(maps: Mappings) {
    this.#maps = maps;
  }

  /** An entry of a list that was refused in the end. */
  entry(m: number): void {
    const { task, listEnd } = this.#maps;
    if (listEnd[m] === 1) this.#firsts.delete(task[m]!);
    else if (!this.#firsts.has(task[m]!)) this.#firsts.set(task[m]!, this.#first(m));
  }

  /** The list of this entry was refused, at this entry. */
  refused(m: number): void {
    const task = this.#maps.task[m]!,
      at = this.#maps.time[m]!;
    const { device, key } = this.#firsts.get(task) ?? this.#first(m);
    this.#firsts.delete(task);
    this.#tries++;
    const known = this.#open.get(key);
    if (known !== undefined && at - known.to <= pauseMax) {
      if (known.tries++ === 1) this.#again.push(known);
      known.to = at;
      return;
    }
    this.#lists++;
    if (this.#open.size >= openMax) this.#open.clear();
    this.#open.set(key, { device, from: at, to: at, tries: 1 });
  }

  #first(m: number): First {
    const { device, orig, size } = this.#maps;
    return { device: device[m]!, key: `${device[m]} ${orig[m]} ${size[m]}` };
  }

  get tries(): number {
    return this.#tries;
  }

  finish(): RefusedTries {
    const again = [...this.#again].sort((a, b) => b.tries - a.tries).slice(0, toldMax);
    return { lists: this.#lists, tries: this.#tries, again };
  }
}
