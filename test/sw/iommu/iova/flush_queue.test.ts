import { expect, test } from "vitest";
import { FlushQueue, perCpuQueue, singleQueue } from "../../../../src/sw/iommu/iova/index.js";

function queueOf(shape = { ...perCpuQueue, entries: 4 }) {
  const released: [number, number][] = [];
  let during = () => {};
  const queue = new FlushQueue(
    { flushAll: () => during(), release: (cpu, first) => released.push([cpu, first]) },
    shape,
  );
  return { queue, released, during: (f: () => void) => (during = f) };
}

test("an address is released by a flush that began after it was queued", () => {
  const { queue, released } = queueOf();
  expect([queue.queue(0, 10, 1), queue.queue(0, 11, 1), queue.queue(1, 20, 1)]).toEqual([true, false, false]);
  expect(released).toEqual([]);
  queue.timedOut(1);
  expect([released, queue.length, queue.waiting]).toEqual([
    [
      [1, 10],
      [1, 11],
      [1, 20],
    ],
    0,
    false,
  ]);
});

test("not by one that had begun before it", () => {
  const { queue, released, during } = queueOf();
  during(() => {
    during(() => {});
    queue.queue(0, 10, 1);
  });
  queue.flush();
  queue.queue(0, 11, 1);
  expect(released).toEqual([]);
  queue.flush();
  queue.queue(0, 12, 1);
  expect(released).toEqual([
    [0, 10],
    [0, 11],
  ]);
});

test("also where one flush overlaps another", () => {
  const { queue, released, during } = queueOf();
  during(() => {
    during(() => {});
    queue.queue(0, 10, 1);
    queue.flush();
    // One flush has ended that began after it; one that began before it has not.
    queue.queue(0, 11, 1);
    expect(released).toEqual([]);
  });
  queue.flush();
  queue.queue(0, 12, 1);
  expect(released).toEqual([[0, 10]]);
});

test("a full ring flushes at once and releases its own", () => {
  const { queue, released } = queueOf();
  for (const f of [1, 2, 3]) queue.queue(0, f, 1);
  expect([queue.isFull(0), queue.isFull(1), released]).toEqual([true, false, []]);
  queue.queue(0, 4, 1);
  expect([released, queue.length]).toEqual([
    [
      [0, 1],
      [0, 2],
      [0, 3],
    ],
    1,
  ]);
});

test("one ring for all CPUs", () => {
  const { queue, released } = queueOf({ ...singleQueue, entries: 4 });
  for (const [cpu, f] of [
    [0, 1],
    [1, 2],
    [2, 3],
    [3, 4],
  ] as const)
    queue.queue(cpu, f, 1);
  expect(released).toEqual([
    [3, 1],
    [3, 2],
    [3, 3],
  ]);
});
