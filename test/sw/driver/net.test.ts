/** What a network back end believes of a guest, and what it does with the rest. */
import { expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { runUntilIdle } from "../../../src/sim/schedule.js";
import { netRxEntryBytes, netTxEntryBytes } from "../../../src/spec/xen/netif.js";
import { RingIndex } from "../../../src/spec/xen/ring.js";
import { NetBack } from "../../../src/sw/driver/netback.js";
import {
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
import { ForeignPages, Grants, Guest, Hypervisor, leftovers } from "../../../src/sw/xen/index.js";

/** A guest that writes its rings itself; `sent` has what the back end gave to the controller's driver. */
function machine() {
  const h = new Hypervisor({ frames: 8192, seed: 3 });
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
  const back = new NetBack({
    guest: host,
    foreign: new ForeignPages(host, { section: 2048 }),
    driver: { send: (packet) => sent.push({ packet, bytes: gather(packet) }) },
    frontend: 1,
    txRef: grants.grant(0, txPage, false),
    rxRef: grants.grant(0, rxPage, false),
  });
  const ref = grants.grant(0, data, true);
  guest.memory.write(
    data * 4096,
    Uint8Array.from({ length: 4096 }, (_, n) => (n * 7) & 255),
  );
  const run = () =>
    runUntilIdle([{ name: "back", ready: () => back.ready(), step: () => back.step() }], new Rng(1), 1e4);
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
  return { h, host, guest, grants, back, tx, rx, txPage, ref, sent, run, ask, answers };
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
  expect(leftovers(m.h)).toEqual([]);
});

test.each<[string, Partial<TxSlot>[], string]>([
  ["shorter than its header", [{ size: 13 }], "Bad packet size: 13"],
  ["smaller than one of its parts", [{ size: 200 }, { size: 201 }], "slot size 201 > remaining size 200"],
  ["with a part of no bytes", [{ size: 200 }, { size: 0 }], "a slot without bytes"],
  ["with nothing left for its first slot", [{ size: 200 }, { size: 200 }], "a first slot without bytes"],
  ["of more slots than there may be", [{ size: 1900 }, ...Array(18).fill({ size: 100 })], "19 slots; at most 18"],
  ["whose page is not granted", [{ ref: 400 }], "a grant cannot be reached (status -1)"],
  [
    "of which one page is not granted",
    [{ size: 300 }, { ref: 400, size: 100 }],
    "a grant cannot be reached (status -1)",
  ],
])("a packet %s is refused, and the next one goes out", (_, slots, why) => {
  const m = machine();
  m.ask(slots);
  expect(m.back.refusals.map((r) => r.why).join()).toContain(why);
  expect([m.sent.length, m.back.halted]).toEqual([0, null]);
  expect(m.answers()).toEqual(slots.map(() => -1));
  m.ask([{ size: 60 }]);
  expect(m.sent).toHaveLength(1);
  m.sent[0]!.packet.done(null);
  m.run();
  m.back.disconnect();
  expect(leftovers(m.h)).toEqual([]);
});

test.each<[string, Partial<TxSlot>[], string]>([
  ["reads beyond its page", [{ offset: 4000, size: 97 }], "Cross page boundary, txp->offset: 4000, size: 97"],
  ["never ends", [{ more: true }], "Asked for 1 slots but exceeds this limit"],
  ["takes twenty slots and more", Array(22).fill({ size: 100 }), "Malicious frontend using 20 slots"],
  ["brings extra information", [{ extra: true }], "extra information that was never offered"],
])("a guest whose packet %s is not read any more", (_, slots, why) => {
  const m = machine();
  m.ask(slots);
  expect(m.back.halted).toContain(why);
  m.ask([{ size: 60 }]);
  expect(m.sent).toHaveLength(0);
  m.back.disconnect();
  expect(leftovers(m.h)).toEqual([]);
});

test("an index that no ring could reach halts", () => {
  const m = machine();
  m.guest.memory.write(m.txPage * 4096 + RingIndex.reqProd, Uint8Array.from([1, 1, 0, 0]));
  m.run();
  expect(m.back.halted).toContain("Frontend provided bogus ring requests (257 - 0 = 257)");
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
  expect(leftovers(m.h)).toEqual([]);
});
