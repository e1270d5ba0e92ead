/** DMA of an edu through both units, 8 bytes each: what QEMU did is compared with what ours may do. */
import { AddressType } from "../../../src/hw/iommu/core/request.js";
import { type Edu, transfer } from "../edu.js";
import { resultsAt } from "../test_memory.js";
import { nothing, reach, reachWord } from "./answer.js";
import type { Ours } from "./ours.js";
import { type ProgramUnit, takenFaults } from "./program_unit.js";
import type { Twin } from "./twin.js";
import type { ProgramVerdict } from "./verdict.js";

/** What software knows of an access. */
export interface Book {
  /** Where the last mapping of the address led; null where there was none. */
  readonly target: number | null;
  /** Something of it changed, and no invalidation of that was posted. */
  mayBeStale(address: number): boolean;
}

export class Accesses {
  readonly #unit: ProgramUnit;
  readonly #twin: Twin;
  readonly #ours: Ours;
  readonly #verdict: ProgramVerdict;
  readonly #results: number;
  #stamp = 0;

  constructor(o: { unit: ProgramUnit; twin: Twin; ours: Ours; verdict: ProgramVerdict }) {
    this.#unit = o.unit;
    this.#twin = o.twin;
    this.#ours = o.ours;
    this.#verdict = o.verdict;
    this.#results = o.twin.machine.ramBase + resultsAt;
  }

  /** From the address, then to the page of results: what was read is where it was read, for data hold their address. */
  async read(n: number, address: number, book: Book): Promise<void> {
    const { qtest } = this.#twin.machine;
    const edu = this.#twin.machine.edus[n]!;
    const slot = this.#results + n * 16;
    const none = 0xdead_0000 + (++this.#stamp % 0x1_0000);
    qtest.writeRam(slot, new Uint8Array(new BigUint64Array([BigInt(none)]).buffer));
    await transfer(qtest, [{ edu, address: BigInt(address), read: true }]);
    const faults = await takenFaults(this.#unit.qemuFaults, qtest);
    if (faults.length > 0) {
      this.#judge(edu, book, address, false, () => faults.join(", "));
      return;
    }
    await transfer(qtest, [{ edu, address: BigInt(slot), read: false }]);
    const ofResults = await takenFaults(this.#unit.qemuFaults, qtest);
    const [low, high] = this.#twin.qemuWords(slot, 2);
    const data = high! * 2 ** 32 + low!;
    // Where the device does not reach the page of results, what it read is not seen.
    const seen = data === none ? null : data;
    this.#judge(edu, book, address, false, (ours) => (seen === null ? ours[0]! : seen === 0 ? nothing : reach(seen)));
    this.#judge(edu, book, slot, true, () =>
      ofResults.length > 0 ? ofResults.join(", ") : seen === null ? nothing : reach(slot),
    );
  }

  /** From the page of results, then to the address: a stamp that is looked for where it may have ended. */
  async write(n: number, address: number, book: Book): Promise<void> {
    const { qtest } = this.#twin.machine;
    const edu = this.#twin.machine.edus[n]!;
    const slot = this.#results + n * 16 + 8;
    const stamp = 0xa5a5_0000 + (++this.#stamp % 0x1_0000);
    const pattern = new Uint32Array([stamp, 0xa5a5_a5a5 - n]);
    qtest.writeRam(slot, new Uint8Array(pattern.buffer));
    await transfer(qtest, [{ edu, address: BigInt(slot), read: true }]);
    const first = await takenFaults(this.#unit.qemuFaults, qtest);
    let isSure = true;
    const passed = this.#judge(edu, book, slot, false, (ours) => {
      if (first.length > 0) return first.join(", ");
      if (this.#unit.recordsFaults) return ours.find((answer) => answer === reach(slot)) ?? nothing;
      // Nobody sees what was read.
      isSure = ours.every((answer) => answer === ours[0]);
      return ours[0]!;
    });
    if (!passed || !isSure) return;
    await transfer(qtest, [{ edu, address: BigInt(address), read: false }]);
    const faults = await takenFaults(this.#unit.qemuFaults, qtest);
    this.#judge(edu, book, address, true, (ours) => {
      if (faults.length > 0) return faults.join(", ");
      const places = ours.filter((a) => a.startsWith(reachWord)).map((a) => Number(a.slice(reachWord.length)));
      // Also where it would have ended had it not been refused.
      if (book.target !== null) places.push(book.target);
      for (const at of places) {
        const found = this.#twin.qemuWords(at, 2);
        if (found[0] !== pattern[0] || found[1] !== pattern[1]) continue;
        qtest.writeRam(at, new Uint8Array(new Uint32Array([at, 0]).buffer));
        return reach(at);
      }
      return nothing;
    });
  }

  /** @param qemu its answer, given those that ours may give @returns whether the access reached memory */
  #judge(edu: Edu, book: Book, address: number, write: boolean, qemu: (ours: readonly string[]) => string): boolean {
    const verdict = this.#verdict;
    const { requester } = edu;
    const frame = Math.floor(address / 4096);
    const request = { requester, pasid: null, frame, offset: address % 4096, write, type: AddressType.untranslated };
    const cached = this.#ours.rightsCached(frame);
    const answers = this.#ours.answers(request);
    const [kept, fresh] = [answers[0]!, answers.at(-1)!];
    const seen = qemu(answers);
    const as = answers.indexOf(seen);
    const mayBeStale = book.mayBeStale(address);
    if (kept !== fresh) {
      verdict.stale++;
      if (as > 0) verdict.flushed++;
      if (!mayBeStale) verdict.fails(`ours says ${kept} though all was invalidated, its tables ${fresh}`);
    }
    // Where QEMU refuses what ours lets pass, ours goes on as if not asked: QEMU's entry stays what it was.
    const isAhead = as < 0 && kept.startsWith(reachWord) && !seen.startsWith(reachWord);
    if (!isAhead) this.#ours.goOn(request, Math.max(as, 0));
    if (seen.startsWith(reachWord)) verdict.reached++;
    else verdict.refused++;
    if (as < 0) {
      const what = `${write ? "write" : "read"} at 0x${address.toString(16)} by 0x${requester.toString(16)}`;
      verdict.differs({ ours: answers, qemu: seen, write, cached, mayBeStale }, what);
    }
    return seen.startsWith(reachWord);
  }
}
