/** What translates the requests of each device, as far as events have shown it. */
import type { Side } from "./change.js";

export interface Attachment {
  readonly side: Side;
  /** When it was attached, microseconds. */
  readonly time: number;
  /** Whether the domain's translations may be in a TLB of the device's own. */
  readonly hasDeviceTlb: boolean;
  /** The change that attached it: where in the list it is, -1 for one that is not kept. */
  readonly change: number;
}

export class Attachments {
  readonly #of = new Map<number, Attachment>();

  of(device: number): Attachment | undefined {
    return this.#of.get(device);
  }

  set(device: number, attachment: Attachment): void {
    this.#of.set(device, attachment);
  }

  delete(device: number): void {
    this.#of.delete(device);
  }
}

export const translated = (domain: number): Side => ({ kind: "translated", domain });
export const sideOf = (kind: Exclude<Side["kind"], "translated">, domain: number | null = null): Side => ({
  kind,
  domain,
});
