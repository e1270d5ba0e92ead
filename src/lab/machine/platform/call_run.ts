/**
 * One call after the other, each with a list of steps of its own: what a hypervisor that goes on serving does with the
 * protocols here. Who explores one call declares it as a program (`protocol`).
 */
import { assert } from "../../../base/assert.js";
import { type Caller, isOver, type Kernel, type ProtocolStep } from "../../../sw/iommu/lifetime/protocol.js";

export class CallRun {
  readonly #kernel: Kernel;
  #list: readonly ProtocolStep[] = [];
  #at = 0;
  #caller: Caller | null = null;
  /** Told at each step that is come to. */
  readonly #comesTo: () => void;

  constructor(kernel: Kernel, comesTo: () => void) {
    this.#kernel = kernel;
    this.#comesTo = comesTo;
  }

  get isRunning(): boolean {
    return this.#at < this.#list.length;
  }

  /** May the next step be taken now? */
  get isReady(): boolean {
    if (!this.isRunning) return false;
    return this.#next.when?.(this.#kernel, this.#caller!) ?? true;
  }

  get label(): string {
    return this.isRunning ? this.#next.name : isOver;
  }

  begin(list: readonly ProtocolStep[], caller: Caller): void {
    assert(!this.isRunning, "a call begins when the one before is over");
    this.#list = list;
    this.#caller = caller;
    this.#goTo(0);
  }

  step(): void {
    const name = this.#next.does(this.#kernel, this.#caller!);
    if (name === undefined) this.#goTo(this.#at + 1);
    else this.#goTo(name === isOver ? this.#list.length : this.#list.findIndex((s) => s.name === name));
  }

  get #next(): ProtocolStep {
    return this.#list[this.#at]!;
  }

  #goTo(at: number): void {
    assert(at >= 0, "a step that is named is in its list");
    this.#at = at;
    this.#comesTo();
  }
}
