/** A network controller alone: descriptors written by hand, memory as its bus. */
import { expect, test } from "vitest";
import { read, write } from "../../../src/bits/index.js";
import type { DmaPort } from "../../../src/bus/dma_port.js";
import { Nic } from "../../../src/hw/device/nic.js";
import { Memory } from "../../../src/mem/memory.js";
import { nicDescriptorBytes, RxDescriptor, TxDescriptor } from "../../../src/spec/e1000/descriptors.js";
import { nicRegisters } from "../../../src/spec/e1000/registers.js";
import { MachineState } from "../../../src/state/machine_state.js";

const [txAt, rxAt, data, entries] = [0x1000, 0x2000, 0x4000, 8];
const nowhere = 0x10_0000;

function machine() {
  const memory = new Memory(64);
  /** What the device did, in order: reads and writes of descriptors and buffers. */
  const seen: string[] = [];
  const refused = new Set<number>();
  const name = (at: number) => (at < rxAt ? "tx descriptor" : at < data ? "rx descriptor" : "buffer");
  const port: DmaPort = {
    read(_, at, into) {
      seen.push(`read ${name(at)}`);
      if (at >= nowhere || refused.has(at)) return "fault";
      memory.read(at, into);
      return "done";
    },
    write(_, at, from) {
      seen.push(`write ${name(at)}`);
      if (refused.has(at)) return "fault";
      memory.write(at, from);
      return "done";
    },
  };
  const sent: Uint8Array[] = [];
  const lost: string[] = [];
  const state = new MachineState();
  const emit = (packet: Uint8Array) => sent.push(packet);
  const nic = new Nic({ port, requester: 0x28, emit, lost: (why) => lost.push(why), state });
  const { registers: r } = nicRegisters;
  const place = () => {
    nic.registers.write32(r.transmitBase.offset, txAt);
    nic.registers.write32(r.receiveBase.offset, rxAt);
    for (const length of [r.transmitLength, r.receiveLength]) {
      nic.registers.write32(length.offset, entries * nicDescriptorBytes);
    }
  };
  place();
  const reset = () => {
    nic.registers.write32(r.control.offset, 2 ** 26);
    place();
  };
  const aborted = () => nic.configuration.read32(4) !== 0;
  const put = (at: number, words: Uint32Array) => memory.write(at, new Uint8Array(words.buffer));
  const send = (parts: readonly { at: number; length: number }[]) => {
    for (const [n, p] of parts.entries()) {
      const d = new Uint32Array(4);
      write(d, 0, TxDescriptor.address, p.at);
      write(d, 0, TxDescriptor.length, p.length);
      write(d, 0, TxDescriptor.endOfPacket, n === parts.length - 1 ? 1 : 0);
      write(d, 0, TxDescriptor.reportStatus, 1);
      const tail = nic.registers.read32(r.transmitTail.offset);
      put(txAt + tail * nicDescriptorBytes, d);
      nic.registers.write32(r.transmitTail.offset, (tail + 1) % entries);
    }
  };
  const offer = (at: number) => {
    const d = new Uint32Array(4);
    write(d, 0, RxDescriptor.address, at);
    const tail = nic.registers.read32(r.receiveTail.offset);
    put(rxAt + tail * nicDescriptorBytes, d);
    nic.registers.write32(r.receiveTail.offset, (tail + 1) % entries);
  };
  const rx = (n: number) => {
    const d = new Uint32Array(4);
    memory.read(rxAt + n * nicDescriptorBytes, new Uint8Array(d.buffer));
    const of = (f: "length" | "done" | "endOfPacket") => read(d, 0, RxDescriptor[f]);
    return { length: of("length"), done: of("done"), end: of("endOfPacket") };
  };
  const run = () => {
    for (let n = 0; nic.ready(); n++) {
      if (n > 1000) throw new Error("no end");
      nic.step();
    }
  };
  return { memory, state, nic, reset, aborted, sent, lost, seen, refused, send, offer, rx, run };
}

const bytes = (length: number, seed = 1) => Uint8Array.from({ length }, (_, n) => (n * 13 + seed) & 255);

test("a packet in parts goes out as one, over the end of the ring too", () => {
  const m = machine();
  m.memory.write(data, bytes(3000));
  for (let round = 0; round < 5; round++) {
    m.send([
      { at: data, length: 14 },
      { at: data + 14, length: 2000 },
      { at: data + 2014, length: 986 },
    ]);
    m.run();
  }
  expect(m.sent.map((p) => Buffer.compare(p, bytes(3000)))).toEqual([0, 0, 0, 0, 0]);
  expect([m.nic.idle, m.nic.interrupt.isPending, m.lost]).toEqual([true, true, []]);
});

test("a packet of which a part cannot be read does not go out, and the next one does", () => {
  const m = machine();
  m.memory.write(data, bytes(60));
  m.send([
    { at: nowhere, length: 60 },
    { at: data, length: 60 },
  ]);
  m.send([{ at: data, length: 60 }]);
  m.run();
  expect(m.sent.map((p) => [...p])).toEqual([[...bytes(60)]]);
  expect(m.lost).toEqual(["unread"]);
});

test("what was read of a packet is in the state until it goes out, and nothing of it afterwards", () => {
  const m = machine();
  const held = () => m.state.describe().filter((c) => c.part.endsWith("transmit memory") && c.value !== 0).length;
  m.memory.write(data, bytes(60).fill(7));
  m.send([
    { at: data, length: 7 },
    { at: data, length: 53 },
  ]);
  const most = [];
  while (m.nic.ready()) {
    m.nic.step();
    most.push(held());
  }
  expect([Math.max(...most), held()]).toEqual([15, 0]);
  expect(m.sent).toEqual([new Uint8Array(60).fill(7)]);
  m.send([{ at: data, length: 60 }]);
  for (let n = 0; n < 2; n++) m.nic.step();
  expect(held()).toBe(15);
  m.reset();
  expect(held()).toBe(0);
});

test("a packet that outgrows the transmit memory is cut off", () => {
  const m = machine();
  m.memory.write(data, bytes(9000));
  m.send([9000, 7383, 5, 5].map((length) => ({ at: data, length })));
  m.run();
  expect(m.sent.map((p) => p.length)).toEqual([16384]);
  expect(Buffer.compare(m.sent[0]!.subarray(0, 9000), bytes(9000))).toBe(0);
  expect([...m.sent[0]!.subarray(16382)]).toEqual([bytes(9000)[7382], bytes(9000)[0]]);
});

test("what comes fills buffer after buffer of 2048 bytes, and only the last one ends it", () => {
  const m = machine();
  for (let n = 0; n < 3; n++) m.offer(data + n * 4096);
  m.nic.receive(bytes(5000));
  m.run();
  expect([0, 1, 2].map(m.rx)).toEqual([
    { length: 2048, done: 1, end: 0 },
    { length: 2048, done: 1, end: 0 },
    { length: 904, done: 1, end: 1 },
  ]);
  const got = new Uint8Array(904);
  m.memory.read(data + 2 * 4096, got);
  expect(Buffer.compare(got, bytes(5000).subarray(4096))).toBe(0);
});

test("a packet waits for descriptors; the sixty-fifth that waits is dropped", () => {
  const m = machine();
  expect(Array.from({ length: 65 }, () => m.nic.receive(bytes(60))).lastIndexOf(true)).toBe(63);
  expect([m.lost, m.nic.ready()]).toEqual([["no room"], false]);
  m.offer(data);
  expect(m.nic.ready()).toBe(true);
});

test("both directions take turns", () => {
  const m = machine();
  m.offer(data);
  m.nic.receive(bytes(60));
  m.send([{ at: data, length: 60 }]);
  m.run();
  const kinds = m.seen.map((s) => (s.endsWith("rx descriptor") ? "rx" : s.endsWith("tx descriptor") ? "tx" : s));
  expect(kinds).toEqual(["tx", "rx", "read buffer", "write buffer", "tx", "rx"]);
});

test.each([
  ["fetched, to send", txAt, 0],
  ["fetched, to receive", rxAt, 0],
  ["written back, to send", txAt, 12],
  ["written back, to receive", rxAt, 8],
])("a descriptor that cannot be %s stops the controller until it is reset", (_, ring, offset) => {
  const m = machine();
  const before = new Uint8Array(4096);
  m.memory.read(0, before);
  m.refused.add(ring + offset);
  if (ring === txAt) m.send([{ at: data, length: 60 }]);
  else {
    m.offer(data);
    m.nic.receive(bytes(60));
  }
  m.run();
  expect([m.aborted(), m.nic.ready(), m.nic.interrupt.isPending]).toEqual([true, false, false]);
  // A descriptor that did not come is not one of zeros: nothing was written to address 0.
  const after = new Uint8Array(4096);
  m.memory.read(0, after);
  expect(Buffer.compare(before, after)).toBe(0);
  m.refused.clear();
  m.reset();
  m.memory.write(data, bytes(60));
  m.send([{ at: data, length: 60 }]);
  m.run();
  expect(m.sent.map((p) => [...p]).at(-1)).toEqual([...bytes(60)]);
  expect(m.aborted()).toBe(false);
});
