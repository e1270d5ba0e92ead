/** Tasks by process number, named as the kernel's text names them. */
import type { Names } from "../names.js";

/** Process numbers below this are looked up in an array. */
const direct = 65536;
/** More than a recording's tasks in practice; beyond it they stay unknown, so that memory is bounded. */
const mostTasks = 1 << 20;

export class TaskTable {
  readonly #names: Names;
  readonly #commands: ReadonlyMap<number, string>;
  /** Number in `#names` plus one, 0 not asked yet. */
  readonly #low = new Int32Array(direct);
  readonly #high = new Map<number, number>();
  /** The last one asked for: the next event most often is of the same task. */
  #lastPid = -1;
  #lastId = -1;

  constructor(names: Names, commands: ReadonlyMap<number, string>) {
    this.#names = names;
    this.#commands = commands;
  }

  /** @returns the number of "comm-pid" in `names`, -1 when there is no room for more. */
  id(pid: number): number {
    if (pid === this.#lastPid && this.#lastId >= 0) return this.#lastId;
    this.#lastPid = pid;
    this.#lastId = this.#find(pid);
    return this.#lastId;
  }

  #find(pid: number): number {
    if (pid >= 0 && pid < direct) {
      const known = this.#low[pid]!;
      if (known !== 0) return known - 1;
      const id = this.#add(pid);
      this.#low[pid] = id + 1;
      return id;
    }
    const known = this.#high.get(pid);
    if (known !== undefined) return known;
    const id = this.#add(pid);
    if (id >= 0) this.#high.set(pid, id);
    return id;
  }

  /** Source of the two names of those it does not know: Linux kernel/trace/trace_sched_switch.c. */
  #add(pid: number): number {
    if (this.#names.count >= mostTasks) return -1;
    const comm = pid === 0 ? "<idle>" : (this.#commands.get(pid) ?? "<...>");
    return this.#names.id(`${comm}-${pid}`);
  }
}
