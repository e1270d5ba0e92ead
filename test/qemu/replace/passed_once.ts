/** Whether an entry that lets all pass as it is was there since contexts were forgotten last. */
import { read } from "../../../src/bits/field.js";
import { ContextInvalidate, DescriptorType } from "../../../src/spec/vtd/descriptors.js";
import { entryNow } from "./ends.js";
import type { ReplacedUnit } from "./replaced_unit.js";

export class PassedOnce {
  #holds = false;
  readonly #replaced: ReplacedUnit;

  constructor(replaced: ReplacedUnit) {
    this.#replaced = replaced;
  }

  get holds(): boolean {
    return this.#holds;
  }

  /** Something was stored, or these commands were carried out. */
  after(commands: readonly Uint32Array[]): void {
    if (commands.some((c) => read(c, 0, ContextInvalidate.type) === DescriptorType.context)) this.#holds = false;
    const found = this.#replaced.of.found(entryNow(this.#replaced));
    if ("state" in found && found.state === "identity") this.#holds = true;
  }
}
