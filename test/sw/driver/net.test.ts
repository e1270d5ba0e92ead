/** What a network back end believes of a guest, and what it does with the rest. */
import { expect, test } from "vitest";
import { drawn, Rng } from "../../../src/base/rng.js";
import { Memory } from "../../../src/mem/memory.js";
import { oneWay } from "../../../src/sim/actor.js";
import { runUntilIdle } from "../../../src/sim/schedule.js";
import { netRxEntryBytes, netTxEntryBytes } from "../../../src/spec/xen/netif.js";
import { RingIndex } from "../../../src/spec/xen/ring.js";
import { NetBack } from "../../../src/sw/driver/netback.js";
import {
  extraWords,
  parseRxAnswer,
  parseTxAnswer,
  rxSlotWords,
  rxWords,
  type TxSlot,
  txSlotWords,
  txWords,
} from "../../../src/sw/driver/netif_entry.js";
import type { Outgoing } from "../../../src/sw/driver/nic_driver.js";
import { FrontRing } from "../../../src/sw/driver/ring.js";
import { AccessGate, ForeignPages, Grants, Guest, Hypervisor, leftovers } from "../../../src/sw/xen/index.js";

/** A guest that writes its rings itself; `sent` has what the back end gave to the controller's driver. */
function machine() {
  const memory = new Memory(8192);
  const gate = new AccessGate(memory);
  const h = new Hypervisor({ memory, watch: gate, choose: drawn(3) });
  const host = new Guest(h, h.createDomain({ id: 0, model: "p2m", pages: 2048, class: "control" }));
  const guest = new Guest(h, h.createDomain({ id: 1, model: "p2m", pages: 1024 }));
  const grants = new Grants(guest);
  const [txPage, rxPage, data] = [grants.allocShared()!, grants.allocShared()!, grants.allocShared()!];
  const tx = new FrontRing(guest.memory, txPage * 4096, netTxEntryBytes);
  const rx = new FrontRing(guest.memory, rxPage * 4096, netRxEntryBytes);
  const sent: { packet: Outgoing; bytes: Uint8Array }[] = [];
  const gather = (packet: Outgoing) => {
    const bytes = packet.list.map(({ phys, size }) => {
      const part = new Uint8Array(size);
      host.memory.read(phys, part);
      return [...part];
    });
    return Uint8Array.from(bytes.flat());
  };
  const refused: string[] = [];
  const back = new NetBack({
    guest: host,
    foreign: new ForeignPages(host, { section: 2048 }),
    driver: { send: (packet) => sent.push({ packet, bytes: gather(packet) }) },
    frontend: 1,
    txRef: grants.grant(0, txPage, false),
    rxRef: grants.grant(0, rxPage, false),
    refused: ({ why }) => refused.push(why),
  });
  const ref = grants.grant(0, data, true);
  guest.memory.write(
    data * 4096,
    Uint8Array.from({ length: 4096 }, (_, n) => (n * 7) & 255),
  );
  const run = () => runUntilIdle([oneWay("back", back)], new Rng(1), 1e4);
  const ask = (slots: readonly Partial<TxSlot>[]) => {
    for (const [n, s] of slots.entries())
      tx.put(txSlotWords({ ref, offset: 0, size: 100, id: n, more: n < slots.length - 1, extra: false, ...s }));
    tx.publish();
    run();
  };
  const answers = () => {
    const all: number[] = [];
    for (const words = new Uint32Array(txWords); tx.take(words); ) all.push(parseTxAnswer(words).status);
    return all;
  };
  /** How far the ring says it is answered. */
  const answered = (ring: number) => {
    const word = new Uint32Array(1);
    guest.memory.read(ring * 4096 + RingIndex.rspProd, new Uint8Array(word.buffer));
    return word[0]!;
  };
  return {
    h,
    gate,
    refused,
    answered,
    host,
    guest,
    grants,
    back,
    tx,
    rx,
    txPage,
    rxPage,
    ref,
    sent,
    run,
    ask,
    answers,
  };
}

test("a packet of several slots goes out in its order: the head copied, the rest where it lies", () => {
  const m = machine();
  m.ask([
    { size: 3100, offset: 10 },
    { size: 1000, offset: 5 },
    { size: 100, offset: 3996 },
  ]);
  const [{ packet, bytes }] = m.sent as [(typeof m.sent)[0]];
  expect(packet.list.map((e) => e.size)).toEqual([128, 1872, 1000, 100]);
  const at = (from: number, size: number) => Array.from({ length: size }, (_, n) => ((from + n) * 7) & 255);
  expect([...bytes]).toEqual([...at(10, 2000), ...at(5, 1000), ...at(3996, 100)]);
  packet.done(null);
  m.run();
  expect(m.answers()).toEqual([0, 0, 0]);
  m.back.disconnect();
  expect(leftovers(m.h, m.gate)).toEqual([]);
});

/** A packet of slots with these sizes; the first has the size of all unless it is given. */
const sized = (sizes: readonly number[], total = sizes.reduce((sum, n) => sum + n, 0)): Partial<TxSlot>[] =>
  sizes.map((size, n) => ({ size: n === 0 ? total : size }));
const many = (count: number, size: number): number[] => new Array<number>(count).fill(size);

test.each<[string, Partial<TxSlot>[], string, number[]?]>([
  ["shorter than its header", [{ size: 13 }], "Bad packet size: 13"],
  ["smaller than one of its parts", [{ size: 200 }, { size: 201 }], "slot size 201 > remaining size 200"],
  ["whose first slot keeps less than a header", [{ size: 64 }, { size: 54 }], "Bad packet size: 10"],
  ["with nothing left for its first slot", [{ size: 200 }, { size: 200 }], "Bad packet size: 0"],
  ["of 1 + 19 slots", sized([100, ...many(19, 100)]), "Too many slots (18) exceeding limit (18), dropping packet"],
  ["of 1 + 20 slots", sized([100, ...many(20, 100)]), "Too many slots (18) exceeding limit (18), dropping packet"],
  ["whose page is not granted", [{ ref: 400 }], "a grant cannot be reached (status -1)"],
  ["of which one page is not granted", [{ size: 300 }, { ref: 400, size: 100 }], "(status -1)", [0, -1]],
])("a packet %s is refused, and the next one goes out", (_, slots, why, answers) => {
  const m = machine();
  m.ask(slots);
  expect(m.refused.join()).toContain(why);
  expect([m.sent.length, m.back.halted]).toEqual([0, false]);
  expect(m.answers()).toEqual(answers ?? slots.map(() => -1));
  m.ask([{ size: 60 }]);
  expect(m.sent).toHaveLength(1);
  m.sent[0]!.packet.done(null);
  m.run();
  m.back.disconnect();
  expect(leftovers(m.h, m.gate)).toEqual([]);
});

test.each<[string, number[], number[]]>([
  ["of 1 + 17 slots", [100, ...many(17, 100)], [128, 72, ...many(16, 100)]],
  // From here on the first slot is copied whole, so that no more are mapped than a kernel's packet takes.
  ["of 1 + 17 slots, the first one large", [1000, ...many(17, 100)], [1000, ...many(17, 100)]],
  ["of 1 + 18 slots", [1000, ...many(18, 100)], [1000, ...many(18, 100)]],
  ["with parts of no bytes", [200, 0, 50, 0], [128, 72, 50]],
  ["whose head lies in several slots", [14, 20, 0, 300], [128, 206]],
])("a packet %s goes out whole", (_, sizes, list) => {
  const m = machine();
  m.ask(sized(sizes).map((s, n) => ({ ...s, offset: n * 7 })));
  expect(m.refused).toEqual([]);
  const [{ packet, bytes }] = m.sent as [(typeof m.sent)[0]];
  expect(packet.list.map((e) => e.size)).toEqual(list);
  const wanted = sizes.flatMap((size, n) => Array.from({ length: size }, (_, k) => ((n * 7 + k) * 7) & 255));
  expect([...bytes]).toEqual(wanted);
  packet.done(null);
  m.run();
  expect(m.answers()).toEqual(sizes.map(() => 0));
  m.back.disconnect();
  expect(leftovers(m.h, m.gate)).toEqual([]);
});

test.each<[string, Partial<TxSlot>[], string]>([
  ["reads beyond its page", [{ offset: 4000, size: 97 }], "txreq.offset: 4000, size: 97, end: 4097"],
  [
    "reads beyond a later page",
    [{ size: 300 }, { offset: 4000, size: 97 }],
    "Cross page boundary, txp->offset: 4000, size: 97",
  ],
  ["does so after it was dropped", sized([0, 5000], 100), "Cross page boundary, txp->offset: 0, size: 5000"],
  [
    "does so in a slot that is too many",
    [...sized([100, ...many(19, 100)]).slice(0, 19), { size: 100, offset: 4095 }],
    "Cross page boundary, txp->offset: 4095, size: 100",
  ],
  ["never ends", [{ more: true }], "Asked for 0 slots but exceeds this limit"],
  ["takes 1 + 21 slots", sized([100, ...many(21, 100)]), "Malicious frontend using 20 slots, threshold 20"],
  ["has no extra information where it says so", [{ extra: true }], "Missing extra info"],
])("a guest whose packet %s is not read any more, and nothing of it is answered", (_, slots, why) => {
  const m = machine();
  m.ask(slots);
  expect([m.back.halted, m.refused.at(-1)]).toEqual([true, `${why}; fatal error; disabling device`]);
  expect([m.answers(), m.back.idle]).toEqual([[], true]);
  m.ask([{ size: 60 }]);
  expect(m.sent).toHaveLength(0);
  m.back.disconnect();
  expect(leftovers(m.h, m.gate)).toEqual([]);
});

const extra = { type: 1, more: false, segmentBytes: 1448, segmentationType: 1 };

test.each<[string, Partial<typeof extra>[], string | null, number[]]>([
  ["a segmentation", [{}], null, [0, 1]],
  ["a hash and a segmentation", [{ type: 4, more: true }, {}], null, [0, 1, 1]],
  ["a multicast address to add", [{ type: 2 }], null, [0, 1]],
  ["no known kind", [{ type: 6 }], "Invalid extra type: 6", []],
  ["no kind", [{ type: 0 }], "Invalid extra type: 0", []],
  ["segments of no bytes", [{ segmentBytes: 0 }], "GSO size must not be zero.", []],
  ["an unknown segmentation", [{ segmentationType: 7 }], "Bad GSO type 7.", []],
  ["more to come that does not come", [{ more: true }], "Missing extra info", []],
])("extra information: %s", (_, extras, why, answers) => {
  const m = machine();
  m.tx.put(txSlotWords({ ref: m.ref, offset: 0, size: 100, id: 0, more: false, extra: true }));
  for (const e of extras) m.tx.put(extraWords({ ...extra, ...e }));
  m.tx.publish();
  m.run();
  const said = `${why}; fatal error; disabling device`;
  expect([m.back.halted, m.refused]).toEqual(why === null ? [false, []] : [true, [said]]);
  for (const { packet } of m.sent) packet.done(null);
  m.run();
  expect(m.answers()).toEqual(answers);
  m.back.disconnect();
  expect(leftovers(m.h, m.gate)).toEqual([]);
});

test("the producer is held against what was taken, not against what was answered", () => {
  const m = machine();
  const show = (n: number) =>
    m.guest.memory.write(m.txPage * 4096 + RingIndex.reqProd, new Uint8Array(Uint32Array.of(n).buffer));
  // 64 packets in flight, and 200 more: more than the ring has places beyond the last answer.
  for (let n = 0; n < 256; n++)
    m.tx.put(txSlotWords({ ref: m.ref, offset: 0, size: 60, id: n, more: false, extra: false }));
  show(64);
  m.run();
  expect(m.sent).toHaveLength(64);
  show(264);
  m.run();
  // As many as have a place for their answer.
  expect([m.back.halted, m.sent.length]).toEqual([false, 256]);
  for (const { packet } of m.sent) packet.done(null);
  m.run();
  // The last eight are what the answers left in their places.
  expect([m.back.halted, m.answered(m.txPage)]).toEqual([false, 264]);
});

test("a producer that goes back is fatal", () => {
  const m = machine();
  for (let n = 0; n < 5; n++) m.ask([{ size: 60, id: n }]);
  expect(m.sent).toHaveLength(5);
  m.guest.memory.write(m.txPage * 4096 + RingIndex.reqProd, Uint8Array.from([4, 0, 0, 0]));
  m.run();
  expect(m.refused.join()).toContain("Impossible number of requests. req_prod 4, req_cons 5, size 256");
});

test("an index that no ring could reach is fatal", () => {
  const m = machine();
  m.guest.memory.write(m.txPage * 4096 + RingIndex.reqProd, Uint8Array.from([1, 1, 0, 0]));
  m.run();
  expect(m.refused.join()).toContain("Impossible number of requests. req_prod 257, req_cons 0, size 256");
});

test("what a guest says of the pages that it offers is believed: old offers are taken again", () => {
  const m = machine();
  const page = m.grants.allocShared()!;
  m.rx.put(rxSlotWords({ id: 7, ref: m.grants.grant(0, page, false) }));
  m.guest.memory.write(m.rxPage * 4096 + RingIndex.reqProd, Uint8Array.from([0, 0, 0, 0x80]));
  for (let n = 0; n < 2; n++) m.back.deliver([{ page: m.host.allocPages(0)!, offset: 0, size: 100 }]);
  m.run();
  expect([m.back.halted, m.answered(m.rxPage)]).toEqual([false, 2]);
  m.back.disconnect();
});

test("a packet for the guest fills the pages that it offered; one that cannot be filled is told", () => {
  const m = machine();
  const pages = [m.grants.allocShared()!, m.grants.allocShared()!];
  const refs = [m.grants.grant(0, pages[0]!, false), m.ref];
  const from = m.host.allocPages(0)!;
  const bytes = Uint8Array.from({ length: 4096 }, (_, n) => (n * 11) & 255);
  m.host.memory.write(from * 4096, bytes);
  const rest = m.host.allocPages(0)!;
  for (const [id, ref] of refs.entries()) m.rx.put(rxSlotWords({ id, ref }));
  m.rx.publish();
  m.back.deliver([
    { page: from, offset: 1, size: 4000 },
    { page: rest, offset: 0, size: 200 },
  ]);
  m.run();
  const answers = [0, 0].map(() => {
    const words = new Uint32Array(rxWords);
    m.rx.take(words);
    return parseRxAnswer(words);
  });
  // The second page was granted for reading only.
  expect(answers).toEqual([
    { id: 0, offset: 0, more: true, status: 4096 },
    { id: 1, offset: 0, more: false, status: -1 },
  ]);
  const got = new Uint8Array(4000);
  m.guest.memory.read(pages[0]! * 4096, got);
  expect(Buffer.compare(got, bytes.subarray(1, 4001))).toBe(0);
  m.back.disconnect();
  expect(leftovers(m.h, m.gate)).toEqual([]);
});
