/**
 * Scripts played on QEMU's unit. What the device reads stays in its buffer, and what it writes was put there before, so that
 * each access is one transfer, whatever the entry lets through meanwhile.
 */
import { asking, isRunning, starting, type Transfer } from "../edu.js";
import { nothing, reach } from "../program/answer.js";
import type { Act } from "../program/twin.js";
import { resultsAt } from "../test_memory.js";
import type { ReplacedUnit } from "./replaced_unit.js";
import { type Dma, type Script, slotBytes, slotCount } from "./script.js";

const bytes = slotCount * slotBytes;
/** Above the number of a slot: what the device writes from there. */
const stampWord = 0xa5a5_a5a5;
const stamps = new Uint32Array(bytes / 4);
for (let slot = 0; slot < slotCount; slot++) stamps.set([slot, stampWord], slot * 2);

export class QemuSide {
  readonly #replaced: ReplacedUnit;
  readonly #results: number;
  /** Writes to registers, sent with what comes next. */
  #commands: string[] = [];

  constructor(replaced: ReplacedUnit) {
    this.#replaced = replaced;
    this.#results = replaced.unit.twin.machine.ramBase + resultsAt;
  }

  async perform(acts: readonly Act[]): Promise<void> {
    this.#commands = await this.#replaced.unit.twin.performThere(acts, this.#commands);
  }

  /** @returns of each access in turn where it reached memory, the records of its fault, or neither */
  async play(script: Script): Promise<string[]> {
    const { twin } = this.#replaced.unit;
    const { qtest } = twin.machine;
    const buffer = { edu: this.#replaced.edu, address: BigInt(this.#results), bytes };
    qtest.writeRam(this.#results, new Uint8Array(stamps.buffer));
    await this.#transfer({ ...buffer, read: true });
    const done: { readonly dma: Dma; readonly faults: readonly string[] }[] = [];
    for (const event of script.events) {
      if (event.kind === "acts") await this.perform(event.acts);
      else done.push({ dma: event, faults: await this.#access(event) });
    }
    await this.perform(script.home);
    await this.#transfer({ ...buffer, read: false });
    const read = twin.qemuWords(this.#results, bytes / 4);
    const written = this.#takeWritten();
    return done.map(({ dma: { write, slot }, faults }) => {
      if (faults.length > 0) return faults.join(", ");
      const at = write ? written.get(slot) : readFrom(read, slot);
      return at === undefined ? nothing : reach(at);
    });
  }

  #access({ address, write, slot }: Dma): Promise<readonly string[]> {
    const { edu } = this.#replaced;
    return this.#transfer({ edu, address: BigInt(address), read: !write, at: slot * slotBytes });
  }

  /** @returns the records of its faults */
  async #transfer(transfer: Transfer): Promise<readonly string[]> {
    const { twin, qemuFaults } = this.#replaced.unit;
    const { qtest } = twin.machine;
    await qtest.send([...this.#commands, ...starting(qtest, [transfer])]);
    const faults: string[] = [];
    const poll = [asking(transfer.edu), ...qemuFaults.ask];
    for (let runs = true; runs; ) {
      const [state, ...answers] = await qtest.send(poll);
      runs = isRunning(state!);
      const { texts, tell } = qemuFaults.taken(answers);
      faults.push(...texts);
      this.#commands = [...tell];
      if (runs && tell.length > 0) await qtest.send(this.#commands.splice(0));
    }
    return [...new Set(faults)];
  }

  /** By slot: where its stamp lies, of all pages that either domain leads to. They are as they were after that. */
  #takeWritten(): ReadonlyMap<number, number> {
    const { unit, pages } = this.#replaced;
    const words = unit.twin.qemuWords(pages.first, pages.bytes / 4);
    const found = new Map<number, number>();
    for (let n = 0; n < words.length; n += 2) {
      if (words[n + 1] !== stampWord) continue;
      const at = pages.first + n * 4;
      found.set(words[n]!, at);
      unit.twin.machine.qtest.writeRam(at, new Uint8Array(new Uint32Array([at, 0]).buffer));
    }
    return found;
  }
}

/** Words of the pages are their addresses; what was not let through brings zeros, or leaves the stamp. */
function readFrom(words: Uint32Array, slot: number): number | undefined {
  const [low, high] = [words[slot * 2]!, words[slot * 2 + 1]!];
  return high === stampWord || (low === 0 && high === 0) ? undefined : high * 2 ** 32 + low;
}
