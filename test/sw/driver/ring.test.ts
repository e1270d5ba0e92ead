import { expect, test } from "vitest";
import { Memory } from "../../../src/mem/memory.js";
import { blkEntryBytes } from "../../../src/spec/xen/blkif.js";
import { netRxEntryBytes, netTxEntryBytes } from "../../../src/spec/xen/netif.js";
import { RingIndex, ringSize } from "../../../src/spec/xen/ring.js";
import { BackRing, FrontRing } from "../../../src/sw/driver/ring.js";

const page = 0x3000;
const entry = () => new Uint32Array(blkEntryBytes / 4);

function pair() {
  const memory = new Memory(16);
  return { memory, front: new FrontRing(memory, page, blkEntryBytes), back: new BackRing(memory, page, blkEntryBytes) };
}

function poke(memory: Memory, at: number, value: number) {
  memory.write(page + at, new Uint8Array(Uint32Array.of(value).buffer));
}

test.each([
  ["block", blkEntryBytes, 32],
  ["transmit", netTxEntryBytes, 256],
  ["receive", netRxEntryBytes, 256],
])("a %s ring of one page has its entries", (_, bytes, size) => {
  expect(ringSize(bytes)).toBe(size);
});

test("requests and responses keep their order over many rounds of the page", () => {
  const { front, back } = pair();
  const got: number[] = [];
  for (let n = 0; n < 1000; ) {
    for (; front.free > 0 && n < 1000; n++) front.put(Object.assign(entry(), { 0: n, 27: ~n >>> 0 }));
    front.publish();
    for (let waiting = back.waiting().count; waiting > 0; waiting--) {
      const e = entry();
      back.take(e);
      expect(e[27]).toBe(~e[0]! >>> 0);
      back.put(e);
    }
    back.publish();
    for (const e = entry(); front.take(e); ) got.push(e[0]!);
  }
  expect(got).toEqual(Array.from({ length: 1000 }, (_, n) => n));
});

test("indexes run through 2^32 and stay counters in the page", () => {
  const { memory, front, back } = pair();
  for (let n = 0; n < 40; n++) {
    front.put(entry());
    front.publish();
    back.take(entry());
    back.put(entry());
    back.publish();
    front.take(entry());
  }
  const word = new Uint8Array(4);
  memory.read(page + RingIndex.reqProd, word);
  expect(new Uint32Array(word.buffer)[0]).toBe(40);
});

test("the other end is told of the first request after it slept, and not of the next ones", () => {
  const { front, back } = pair();
  front.put(entry());
  expect(front.publish()).toBe(true);
  front.put(entry());
  expect(front.publish()).toBe(false);
  back.take(entry());
  back.take(entry());
  expect(back.finalCheck()).toBe(false);
  front.put(entry());
  expect(front.publish()).toBe(true);
});

test("a request that comes while the back end goes to sleep is seen by its final check", () => {
  const { front, back } = pair();
  front.put(entry());
  front.publish();
  expect(back.finalCheck()).toBe(true);
});

test.each([
  [33, true],
  [0xffff_ffff, true],
  [32, false],
])("a front end that shows %i requests on an empty ring is bogus: %s", (shown, bogus) => {
  const { memory, back } = pair();
  poke(memory, RingIndex.reqProd, shown);
  expect(back.waiting().bogus !== null).toBe(bogus);
});

test("a back end that shows responses to nothing gives none", () => {
  const { memory, front } = pair();
  poke(memory, RingIndex.rspProd, 5);
  expect(front.take(entry())).toBe(false);
});
