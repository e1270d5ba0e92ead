/**
 * Programs of hostile guests: they write random bytes into rings, grant entries and pages of segments while the back
 * end works on them, and between that requests that are almost right, so that every check of the back end is met. A back
 * end that halts a ring is connected anew.
 */
import type { Pfn } from "../../base/frame.js";
import type { Rng } from "../../base/rng.js";
import { oneWay } from "../../sim/actor.js";
import { BlkOp, blkEntryBytes, blkIndirectRefsAt } from "../../spec/xen/blkif.js";
import { netRxEntryBytes, netSlotsMax, netTxEntryBytes } from "../../spec/xen/netif.js";
import { RingIndex, ringEntriesAt, ringSize } from "../../spec/xen/ring.js";
import { BlkBack } from "../../sw/driver/blkback.js";
import { putSegment, requestWords } from "../../sw/driver/blkif_entry.js";
import { NetBack } from "../../sw/driver/netback.js";
import { extraWords, rxSlotWords, txSlotWords } from "../../sw/driver/netif_entry.js";
import { RefusalLog } from "../../sw/driver/refusal_log.js";
import { FrontRing } from "../../sw/driver/ring.js";
import { diskOf, sectorsEach } from "./disks.js";
import type { Ground, Program } from "./ground.js";
import { HostilePages } from "./hostile_pages.js";
import { nicOf } from "./network.js";
import type { ProgramDescription } from "./schema.js";

/** Pages behind those of the rings: data, and segments of indirect requests. */
const dataPages = 24;
const tablePages = 2;

/** A back end as its hostile peer's program sees it. */
interface Back {
  readonly halted: string | null;
  readonly idle: boolean;
  readonly refusalLog: RefusalLog;
  ready(): boolean;
  step(): void;
  disconnect(): void;
}

/** A ring that its owner writes without any rule. */
class WildRing {
  readonly #pages: HostilePages;
  readonly #page: Pfn;
  readonly #entryBytes: number;
  #produced = 0;

  constructor(pages: HostilePages, n: number, entryBytes: number) {
    this.#pages = pages;
    this.#page = pages.pages[n]!;
    this.#entryBytes = entryBytes;
  }

  put(words: Uint32Array): void {
    const n = this.#produced & (ringSize(this.#entryBytes) - 1);
    this.#pages.write(this.#page, ringEntriesAt + n * this.#entryBytes, words);
    this.#produced = (this.#produced + 1) >>> 0;
  }

  /** @param by how much the shown index is wrong */
  publish(by = 0): void {
    this.#pages.write(this.#page, RingIndex.reqProd, Uint32Array.of((this.#produced + by) >>> 0));
  }

  restart(): void {
    this.#produced = 0;
  }
}

/** @param mischief one random write; @param connect a back end on rings that are clean again */
function hostile(o: {
  readonly w: ProgramDescription;
  readonly n: number;
  readonly pages: HostilePages;
  readonly mischief: () => void;
  readonly connect: () => Back;
}): Program {
  let writes = 0;
  let back = o.connect();
  let reconnects = 0;
  const refused = new RefusalLog();
  const leave = () => {
    refused.join(back.refusalLog);
    back.disconnect();
  };
  const stuck = () => back.halted !== null && back.idle;
  return {
    description: o.w,
    actors: [
      oneWay(`hostile ${o.n}`, {
        ready: () => writes < o.w.requests,
        step: () => {
          writes++;
          o.mischief();
        },
      }),
      oneWay(`back ${o.n}`, { ready: () => back.ready(), step: () => back.step() }),
      oneWay(`toolstack ${o.n}`, {
        ready: () => stuck() && writes < o.w.requests,
        step: () => {
          leave();
          reconnects++;
          back = o.connect();
        },
      }),
    ],
    requests: () => ({ issued: writes, ended: writes, failed: 0 }),
    bytes: () => ({ written: 0, read: 0 }),
    wrong: () => [],
    refusals: () => refused.texts,
    refused: () => refused.count,
    notes: () => [`${writes} hostile writes, ${refused.count} refusals, connected again ${reconnects} times`],
    close: () => {
      leave();
      o.pages.close();
    },
  };
}

export function hostileBlk(g: Ground, w: ProgramDescription, n: number): Program {
  const { rng } = g;
  const unit = diskOf(g, w.device);
  const firstSector = unit.used;
  unit.used += sectorsEach;
  const domain = g.host.guests.get(w.from!)!;
  const { kernel, foreign } = g.host.xen!;
  const { engine } = g.devices.find((d) => d.description.bdf === w.device)!;
  const pages = new HostilePages(domain, rng, 1 + tablePages + dataPages);
  const ring = new WildRing(pages, 0, blkEntryBytes);
  return hostile({
    ...{ w, n, pages },
    connect: () => {
      pages.restore(0);
      new FrontRing(domain.guest.memory, pages.pages[0]! * 4096, blkEntryBytes);
      ring.restart();
      return new BlkBack({
        ...{ guest: kernel, foreign, driver: unit.driver, frontend: w.from!, ringRef: pages.refs[0]! },
        ...{ firstSector, sectors: sectorsEach, mergeable: (a, b) => engine.mergeable(a, b) },
        persistent: w.persistent,
      });
    },
    mischief: () => {
      const kind = rng.below(8);
      if (kind < 2) pages.scribbleEntry();
      else if (kind === 2) pages.scribblePage(pages.pages[rng.below(20) === 0 ? 0 : 1 + rng.below(tablePages)]!);
      else if (kind === 3) pages.write(pages.pages[1 + rng.below(tablePages)]!, 0, manySegments(pages, rng));
      else {
        for (let count = 1 + rng.below(3); count > 0; count--) ring.put(blkRequest(pages, rng));
        ring.publish(rng.below(200) === 0 ? rng.below(2 ** 32) : 0);
      }
    },
  });
}

function blkRequest(pages: HostilePages, rng: Rng): Uint32Array {
  const segments = Array.from({ length: 1 + rng.below(11) }, () => segment(pages, rng));
  const indirect = rng.below(4) === 0;
  const words = requestWords({
    operation: rng.below(8) === 0 ? rng.below(256) : rng.below(2) === 0 ? BlkOp.read : BlkOp.write,
    ...{ id: rng.below(2 ** 32), idHigh: 0, sector: rng.below(sectorsEach + 64) },
    segmentCount: rng.below(20) === 0 ? rng.below(256) : indirect ? 1 + rng.below(40) : segments.length,
    segments: indirect ? [] : segments,
    indirectRefs: indirect ? [pages.refs[1 + rng.below(tablePages)]!] : [],
  });
  if (indirect && rng.below(4) === 0) words[blkIndirectRefsAt] = pages.anyRef();
  if (indirect && rng.below(20) === 0) words[0] = words[0]! | 0x8000_0000;
  if (rng.below(4) === 0) words[rng.below(words.length)] = rng.below(2 ** 32);
  return words;
}

const segment = (pages: HostilePages, rng: Rng) => {
  const first = rng.below(8);
  const last = rng.below(16) === 0 ? rng.below(256) : first + rng.below(8 - first);
  return { ref: pages.anyRef(), first, last };
};

function manySegments(pages: HostilePages, rng: Rng): Uint32Array {
  const words = new Uint32Array(96);
  for (let at = 0; at < words.length; at += 2) putSegment(words, at, segment(pages, rng));
  return words;
}

export function hostileNet(g: Ground, w: ProgramDescription, n: number): Program {
  const { rng } = g;
  const unit = nicOf(g, w.device);
  const domain = g.host.guests.get(w.from!)!;
  const { kernel, foreign } = g.host.xen!;
  const pages = new HostilePages(domain, rng, 2 + dataPages);
  const tx = new WildRing(pages, 0, netTxEntryBytes);
  const rx = new WildRing(pages, 1, netRxEntryBytes);
  return hostile({
    ...{ w, n, pages },
    connect: () => {
      for (const [k, entryBytes] of [netTxEntryBytes, netRxEntryBytes].entries()) {
        pages.restore(k);
        new FrontRing(domain.guest.memory, pages.pages[k]! * 4096, entryBytes);
      }
      tx.restart();
      rx.restart();
      const [txRef, rxRef] = pages.refs;
      const back = new NetBack({
        ...{ guest: kernel, foreign, driver: unit.driver, frontend: w.from!, txRef: txRef!, rxRef: rxRef! },
      });
      unit.ports.set(n + 1, { load: null, take: (pieces) => back.deliver(pieces) });
      return back;
    },
    mischief: () => {
      const kind = rng.below(8);
      if (kind < 2) pages.scribbleEntry();
      else if (kind === 2)
        pages.scribblePage(pages.pages[rng.below(20) === 0 ? rng.below(2) : 2 + rng.below(dataPages)]!);
      else if (kind === 3) {
        rx.put(rxSlotWords({ id: rng.below(2 ** 16), ref: pages.anyRef() }));
        rx.publish(rng.below(200) === 0 ? rng.below(2 ** 32) : 0);
      } else if (kind === 4) unit.nic.receive(toIt(n + 1, rng));
      else {
        for (const words of netPacket(pages, rng)) tx.put(words);
        tx.publish(rng.below(200) === 0 ? rng.below(2 ** 32) : 0);
      }
    },
  });
}

/** Someone on the wire sends to the hostile guest meanwhile. */
function toIt(number: number, rng: Rng): Uint8Array {
  const packet = new Uint8Array(60 + rng.below(9000));
  packet[5] = number;
  return packet;
}

function extras(rng: Rng): Uint32Array[] {
  const count = 1 + rng.below(2);
  return Array.from({ length: count }, (_, k) => {
    const type = rng.below(8) === 0 ? rng.below(256) : 1 + rng.below(5);
    const segmentBytes = rng.below(8) === 0 ? 0 : 1448;
    return extraWords({
      type,
      more: k < count - 1 || rng.below(16) === 0,
      segmentBytes,
      segmentationType: 1 + rng.below(3),
    });
  });
}

function netPacket(pages: HostilePages, rng: Rng): Uint32Array[] {
  const count = 1 + rng.below(rng.below(6) === 0 ? netSlotsMax + 8 : 4);
  let total = 0;
  const slots = Array.from({ length: count }, (_, k) => {
    const size = 14 + rng.below(2000);
    total += size;
    const more = k < count - 1 ? rng.below(200) !== 0 : rng.below(30) === 0;
    const offset = rng.below(100) === 0 ? rng.below(2 ** 16) : rng.below(4096 - size);
    return { ref: pages.anyRef(), offset, size, id: rng.below(2 ** 16), more, extra: k === 0 && rng.below(20) === 0 };
  });
  slots[0] = { ...slots[0]!, size: rng.below(50) === 0 ? rng.below(2 ** 16) : total };
  const [first, ...others] = slots.map(txSlotWords);
  return [first!, ...(slots[0].extra ? extras(rng) : []), ...others];
}
