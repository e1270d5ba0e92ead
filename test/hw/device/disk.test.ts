/** A disk alone: commands written by hand, memory as its bus, and a bus that refuses what the test names. */
import { expect, test } from "vitest";
import { read, write } from "../../../src/bits/index.js";
import type { DmaPort } from "../../../src/bus/dma_port.js";
import { blockBytes, Disk } from "../../../src/hw/device/disk.js";
import { Memory } from "../../../src/mem/memory.js";
import { Cqe, cqeBytes, NvmeOpcode, NvmeStatus, SglType, Sqe, sqeBytes } from "../../../src/spec/nvme/entries.js";
import { nvmeRegisters } from "../../../src/spec/nvme/registers.js";

const [sqAt, cqAt, data, entries] = [0x1000, 0x2000, 0x4000, 8];

function machine() {
  const memory = new Memory(64);
  const refused = new Set<number>();
  const port: DmaPort = {
    read(_, at, into) {
      // A transfer that the bus cuts off may have brought some of its bytes.
      memory.read(at, refused.has(at) ? into.subarray(0, into.length >> 1) : into);
      return refused.has(at) ? "fault" : "done";
    },
    write(_, at, from) {
      if (refused.has(at)) return "fault";
      memory.write(at, from);
      return "done";
    },
  };
  const disk = new Disk({ port, requester: 0x18, blocks: 64 });
  const { registers: r } = nvmeRegisters;
  const enable = (on: 0 | 1) => disk.registers.write32(r.configuration.offset, on);
  disk.registers.write32(r.queueSizes.offset, (entries - 1) * 0x1_0001);
  disk.registers.write32(r.submissionQueue.offset, sqAt);
  disk.registers.write32(r.completionQueue.offset, cqAt);
  enable(1);
  const fatal = () => (disk.registers.read32(r.status.offset) & 2) !== 0;
  const put = (at: number, words: Uint32Array) => memory.write(at, new Uint8Array(words.buffer));
  /** A command with its list of parts behind the queues. */
  const ask = (o: { id: number; opcode?: number; block: number; parts: readonly { at: number; size: number }[] }) => {
    const listAt = 0x3000;
    const list = new Uint32Array(o.parts.length * 4);
    for (const [n, p] of o.parts.entries()) list.set([p.at, 0, p.size, 0], n * 4);
    put(listAt, list);
    const e = new Uint32Array(sqeBytes / 4);
    write(e, 0, Sqe.opcode, o.opcode ?? NvmeOpcode.write);
    write(e, 0, Sqe.id, o.id);
    write(e, 0, Sqe.dataAddress, listAt);
    write(e, 0, Sqe.dataLength, list.byteLength);
    write(e, 0, Sqe.dataKind, (SglType.lastSegment << 28) >>> 0);
    write(e, 0, Sqe.block, o.block);
    write(e, 0, Sqe.count, o.parts.reduce((sum, p) => sum + p.size, 0) / blockBytes - 1);
    const tail = disk.registers.read32(r.submissionTail.offset);
    put(sqAt + tail * sqeBytes, e);
    disk.registers.write32(r.submissionTail.offset, (tail + 1) % entries);
  };
  const run = () => {
    for (let n = 0; disk.ready(); n++) {
      if (n > 1000) throw new Error("no end");
      disk.step();
    }
  };
  const answers = () => {
    const words = new Uint32Array(cqeBytes / 4);
    const all: [id: number, status: number][] = [];
    for (let n = 0; n < entries; n++) {
      memory.read(cqAt + n * cqeBytes, new Uint8Array(words.buffer));
      if (read(words, 0, Cqe.phase) === 1) all.push([read(words, 0, Cqe.id), read(words, 0, Cqe.status)]);
    }
    return all;
  };
  return { memory, disk, enable, fatal, refused, ask, run, answers };
}

const blocksOf = (disk: Disk, from: number, count: number) =>
  Array.from({ length: count }, (_, n) => {
    const block = disk.medium.subarray((from + n) * blockBytes, (from + n + 1) * blockBytes);
    return block.every((b) => b === block[0]) ? block[0] : "torn";
  });

test("a command that cannot be fetched is answered under no id: the controller stops until it is reset", () => {
  const m = machine();
  m.memory.write(data, new Uint8Array(blockBytes).fill(7));
  m.ask({ id: 5, block: 0, parts: [{ at: data, size: blockBytes }] });
  m.run();
  m.refused.add(sqAt + sqeBytes);
  m.ask({ id: 6, block: 1, parts: [{ at: data, size: blockBytes }] });
  m.run();
  expect(m.answers()).toEqual([[5, 0]]);
  expect([m.fatal(), m.disk.ready(), blocksOf(m.disk, 0, 2)]).toEqual([true, false, [7, 0]]);
  m.refused.clear();
  m.enable(0);
  m.enable(1);
  m.memory.write(cqAt, new Uint8Array(entries * cqeBytes));
  m.ask({ id: 7, block: 1, parts: [{ at: data, size: blockBytes }] });
  m.run();
  expect([m.fatal(), m.answers(), blocksOf(m.disk, 0, 2)]).toEqual([false, [[7, 0]], [7, 7]]);
});

test("a completion that cannot be written stops the controller, too", () => {
  const m = machine();
  m.refused.add(cqAt);
  m.ask({ id: 1, block: 0, parts: [{ at: data, size: blockBytes }] });
  m.run();
  expect([m.fatal(), m.disk.interrupt.isPending, m.answers()]).toEqual([true, false, []]);
});

test("of a write that fails the blocks that had come are new, the others old, and none is torn", () => {
  const m = machine();
  m.memory.write(data, new Uint8Array(4096).fill(9));
  const second = data + 4096;
  m.memory.write(second, new Uint8Array(4096).fill(9));
  m.refused.add(second);
  // The first part ends in the midst of the second block.
  m.ask({
    id: 3,
    block: 4,
    parts: [
      { at: data, size: 700 },
      { at: second, size: 4 * blockBytes - 700 },
    ],
  });
  m.run();
  expect(m.answers()).toEqual([[3, NvmeStatus.dataTransferError]]);
  expect(blocksOf(m.disk, 3, 6)).toEqual([0, 9, 0, 0, 0, 0]);
  expect(m.fatal()).toBe(false);
});

test("a write whose parts are no whole blocks is stored whole", () => {
  const m = machine();
  const bytes = Uint8Array.from({ length: 2048 }, (_, n) => (n * 7) & 255);
  m.memory.write(data, bytes);
  const cuts = [0, 3, 700, 1024, 1500, 2048];
  const parts = cuts.slice(1).map((end, n) => ({ at: data + cuts[n]!, size: end - cuts[n]! }));
  m.ask({ id: 1, block: 8, parts });
  m.run();
  expect(Buffer.compare(m.disk.medium.subarray(8 * blockBytes, 12 * blockBytes), bytes)).toBe(0);
});
