/** A program that has its device switched between identity and the domain of its own, again and again, while it works. */
import type { OneWay } from "../../../sim/actor.js";

/** A device that its kernel can switch. */
export interface Switchable {
  readonly isSettled: boolean;
  switch(): void;
}

/** Steps of its own between two switches: what passes before it is taken for the device's usual work. */
const pause = 48;

export class SwitchLoad implements OneWay {
  readonly #device: Switchable;
  readonly #requests: number;
  #waited = 0;
  issued = 0;

  constructor(device: Switchable, requests: number) {
    this.#device = device;
    this.#requests = requests;
  }

  /** Switches that are done: one to identity waits until the domain's addresses are given back. */
  get ended(): number {
    return this.issued - (this.#device.isSettled ? 0 : 1);
  }

  ready(): boolean {
    return this.issued < this.#requests && this.#device.isSettled;
  }

  step(): void {
    if (this.#waited++ < pause) return;
    this.#waited = 0;
    this.issued++;
    this.#device.switch();
  }
}
