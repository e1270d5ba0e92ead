/** What lines beside the events say: how many CPUs there are, which kernel it is, what was lost. */
import { EventKind } from "../event.js";
import { warnOfOverrun } from "../overrun.js";
import type { Account } from "./account.js";
import type { OddLine } from "./odd_line.js";
import type { TimeOrder } from "./time_order.js";

export class BesideEvents {
  kernel: string | null = null;
  /** 0: it is not said. */
  cpus = 0;
  /** Entries that the header counts; 0: it is not said. */
  counted = 0;
  /** Events that were lost, as far as that is said. */
  lost = 0;
  readonly #order: TimeOrder;
  readonly #account: Account;
  /** Events lost before the first event, which has the first time. */
  #lostFirst = 0;
  #lostFirstCpu = 0;

  constructor(order: TimeOrder, account: Account) {
    this.#order = order;
    this.#account = account;
  }

  take(said: OddLine): void {
    if (said.kind === "cpus") this.cpus = said.cpus;
    else if (said.kind === "kernel") this.kernel = said.release;
    else if (said.kind === "lost") this.takeLost(said.cpu, said.count);
    else if (said.kind === "overwritten") {
      this.cpus = said.cpus;
      this.counted += said.inBuffer;
      this.lost += said.events;
      warnOfOverrun(this.#account.warnings, said.events);
    }
  }

  /** @param count 0: it is not said how many */
  takeLost(cpu: number, count: number): void {
    this.lost += Math.max(1, count);
    if (this.#account.events === 0) {
      this.#lostFirst += Math.max(1, count);
      this.#lostFirstCpu = cpu;
    } else this.#append(this.#order.latest, cpu, count);
  }

  /** The first event is there: what was lost before it is told with its time. */
  beforeFirst(time: number): void {
    if (this.#lostFirst === 0) return;
    this.#append(time, this.#lostFirstCpu, this.#lostFirst);
    this.#lostFirst = 0;
  }

  #append(time: number, cpu: number, count: number): void {
    const { batch } = this.#order;
    const i = batch.blank();
    batch.kind[i] = EventKind.lost;
    batch.time[i] = time;
    batch.cpu[i] = cpu;
    batch.size[i] = count;
    this.#order.append();
  }
}
