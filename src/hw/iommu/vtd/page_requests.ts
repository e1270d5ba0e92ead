/**
 * The page request queue of a VT-d unit: what devices ask for is put where software finds it, or lost.
 *
 * Source: VT-d 4.1, 7.4.1 (queue, overflow), 7.5 (event), 11.4.12. While PRO is up nothing is queued: the last request of a
 * group is answered with success at once, so that the device asks again. In outline: whether a device's context entry allows
 * page requests (PRE) is not looked at.
 */
import { frameBytes } from "../../../base/frame.js";
import { write } from "../../../bits/field.js";
import { type PageGroupAnswer, type PageRequest, PageResponseCode } from "../../../bus/page_requests.js";
import type { Memory } from "../../../mem/memory.js";
import { PageRequestDescriptor as P, PageRequestStatus, pageRequestType } from "../../../spec/vtd/page_request.js";
import { PageQueueAddress } from "../../../spec/vtd/queue_registers.js";
import { ExtendedCapability } from "../../../spec/vtd/registers.js";
import type { VtdEvent, VtdRegisters } from "./event.js";

const entryBytes = 32;
const { ppr, pro } = PageRequestStatus;

export interface PageRequestParts {
  readonly memory: Memory;
  readonly registers: VtdRegisters;
  readonly event: VtdEvent;
  /** The device is told what became of a group. */
  readonly answer: (a: PageGroupAnswer) => void;
}

export class VtdPageRequests {
  readonly #o: PageRequestParts;

  constructor(o: PageRequestParts) {
    this.#o = o;
  }

  /** A device asks for a page. */
  requested(r: PageRequest): void {
    const { registers } = this.#o;
    if (registers.read("ecap", ExtendedCapability.prs) === 0) {
      if (r.last) this.#answer(r, PageResponseCode.invalid);
      return;
    }
    if (registers.read("prs", pro) === 0 && this.#put(r)) {
      this.#tell(ppr);
      return;
    }
    this.#tell(pro);
    if (r.last && (r.read || r.write)) this.#answer(r, PageResponseCode.success);
  }

  /** Software wrote PRS. */
  written(): void {
    const { registers, event } = this.#o;
    if (registers.read("prs", ppr) === 0 && registers.read("prs", pro) === 0) event.withdraw();
  }

  /** @returns false when the queue is full, or not in memory */
  #put(r: PageRequest): boolean {
    const { registers, memory } = this.#o;
    const bytes = frameBytes * 2 ** registers.read("pqa", PageQueueAddress.pqs);
    const tail = registers.get("pqt") % bytes;
    const head = registers.get("pqh") % bytes;
    const next = (tail + entryBytes) % bytes;
    const at = registers.read("pqa", PageQueueAddress.frame) * frameBytes + tail;
    if (next === head - (head % entryBytes) || at + entryBytes > memory.frameCount * frameBytes) return false;
    memory.store(at, wordsOf(r));
    registers.set("pqt", next);
    return true;
  }

  /** One event for what software has not looked at yet. */
  #tell(status: typeof ppr | typeof pro): void {
    const { registers, event } = this.#o;
    const wasUp = registers.read("prs", ppr) === 1 || registers.read("prs", pro) === 1;
    registers.write("prs", status, 1);
    if (!wasUp) event.raise();
  }

  #answer({ requester, pasid, group }: PageRequest, code: PageResponseCode): void {
    this.#o.answer({ requester, pasid, group, code });
  }
}

function wordsOf(r: PageRequest): Uint32Array {
  const w = new Uint32Array(entryBytes / 4);
  write(w, 0, P.type, pageRequestType);
  write(w, 0, P.pp, r.pasid === null ? 0 : 1);
  write(w, 0, P.pasid, r.pasid ?? 0);
  write(w, 0, P.rid, r.requester & 0xffff);
  write(w, 0, P.rd, r.read ? 1 : 0);
  write(w, 0, P.wr, r.write ? 1 : 0);
  write(w, 0, P.last, r.last ? 1 : 0);
  write(w, 0, P.group, r.group);
  write(w, 0, P.page, r.frame as never);
  return w;
}
