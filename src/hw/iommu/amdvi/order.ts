/**
 * Which commands of an AMD-Vi unit may go on: begun one after the other, answered by devices in any order.
 *
 * Source: AMD IOMMU 48882, 2.4 (commands may be done with out of order), 2.4.1 (a completion wait is done when all before it
 * is; with F nothing behind it is begun before), 2.4.4 (how many invalidations of a queue devices may owe an answer).
 */
import { read } from "../../../bits/field.js";
import * as C from "../../../spec/amdvi/commands.js";
import type { DeviceTags } from "../core/device_tags.js";
import type { Transaction } from "../core/transaction.js";
import { opcodeOf } from "./legal.js";
import { type CommandWindow, commandWords, Stage } from "./window.js";

const { Opcode } = C;

export interface OrderParts {
  readonly window: CommandWindow;
  readonly tags: DeviceTags;
  /** Requests under way: what they found of the tables is not forgotten before they are over. */
  readonly transactions: readonly Transaction[];
}

export class CommandOrder {
  readonly #o: OrderParts;
  readonly #words = new Uint32Array(commandWords);

  constructor(o: OrderParts) {
    this.#o = o;
  }

  /** There is room for one more, and none of those at hand keeps others back. */
  letsFetch(): boolean {
    const { window } = this.#o;
    const { count } = window;
    if (count === window.size) return false;
    for (let n = 0; n < count; n++) if (window.stageOf(n) === Stage.refuse || this.#holdsBack(n)) return false;
    return true;
  }

  /** Commands of which something can be done now. */
  ready(): readonly number[] {
    const { window } = this.#o;
    const ready: number[] = [];
    const { count } = window;
    for (let n = 0; n < count; n++) {
      const stage = window.stageOf(n);
      if (stage === Stage.asked) continue;
      if (stage === Stage.tell) {
        ready.push(n);
        continue;
      }
      if (stage === Stage.refuse) {
        if (n === 0) ready.push(n);
        break;
      }
      window.copyTo(n, this.#words);
      const isWait = opcodeOf(this.#words) === Opcode.completionWait;
      if (isWait ? n === 0 : this.#mayBegin(this.#words)) ready.push(n);
      // Others are begun one after the other.
      if (!isWait) break;
    }
    return ready;
  }

  /** A completion wait that lets nothing past it. */
  #holdsBack(n: number): boolean {
    this.#o.window.copyTo(n, this.#words);
    return opcodeOf(this.#words) === Opcode.completionWait && read(this.#words, 0, C.CompletionWait.f) === 1;
  }

  #mayBegin(w: Uint32Array): boolean {
    const { transactions, tags } = this.#o;
    switch (opcodeOf(w)) {
      case Opcode.invalidateDevice:
      case Opcode.invalidatePages:
      case Opcode.invalidateAll:
      case Opcode.prefetch:
        return !transactions.some((t) => t.isUnderWay);
      case Opcode.invalidateDeviceTlb: {
        const max = read(w, 0, C.InvalidateDeviceTlb.maxPend);
        const queue = read(w, 0, C.InvalidateDeviceTlb.queue);
        return tags.busyCount < tags.count && (max === 0 || this.#pendingOf(queue) < max);
      }
      default:
        return true;
    }
  }

  /** Invalidations of one queue that devices did not answer yet. */
  #pendingOf(queue: number): number {
    const { window } = this.#o;
    const words = new Uint32Array(commandWords);
    let pending = 0;
    for (let n = 0; n < window.count; n++) {
      if (window.stageOf(n) !== Stage.asked) continue;
      window.copyTo(n, words);
      if (read(words, 0, C.InvalidateDeviceTlb.queue) === queue) pending++;
    }
    return pending;
  }
}
