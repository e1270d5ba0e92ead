/** Parts of the SMMUv3 driver that a machine does not show: ranges that units take, refused commands, lost events. */
import { expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { SmmuUnit } from "../../../src/hw/iommu/smmuv3/smmu_unit.js";
import { Memory } from "../../../src/mem/memory.js";
import { smmuRegisters } from "../../../src/spec/smmuv3/register_map.js";
import { MachineState } from "../../../src/state/machine_state.js";
import type { UnitPorts } from "../../../src/sw/iommu/ports.js";
import { CommandQueue } from "../../../src/sw/iommu/smmuv3/command_queue.js";
import { forgetAllStreams, forgetSpace } from "../../../src/sw/iommu/smmuv3/commands.js";
import { rangeCommands } from "../../../src/sw/iommu/smmuv3/ranges.js";
import { SmmuDriver } from "../../../src/sw/iommu/smmuv3/smmu_driver.js";
import { amount } from "../../tier.js";

const { cr0, gerror, gerrorn, eventqProd, eventqCons } = smmuRegisters.registers;

test("ranges cover what is asked, one page more at most, and none is one that units refuse", () => {
  const rng = new Rng(5);
  for (let n = 0; n < amount(2000, 20_000); n++) {
    const first = rng.below(2 ** rng.below(31));
    const count = 1 + rng.below(2 ** rng.below(21));
    const made = rangeCommands(first, first + count - 1);
    let next = first;
    for (const { page, num, scale, ttl } of made) {
      expect(page).toBe(next);
      expect(num >= 0 && num < 32 && scale >= 0 && scale < 32).toBe(true);
      expect(num + scale + ttl).toBeGreaterThan(0);
      next = page + (num + 1) * 2 ** scale;
    }
    const block = Math.ceil(first / 512) * 512;
    const fits = block + 511 < first + count;
    expect(next - first - count).toBe(fits && count % 32 === 1 ? 1 : 0);
    // Leaves may be blocks only where one fits.
    expect(new Set(made.map((r) => r.ttl))).toEqual(new Set([fits ? 0 : 3]));
  }
});

function ground(idr0 = 0x0900_341a) {
  const memory = new Memory(256);
  const unit = new SmmuUnit({
    ...{ state: new MachineState(), memory, messages: { send: () => undefined } },
    identification: { idr0, idr1: 0x0107_0010, idr3: 0x400, idr5: 0x15 },
  });
  let next = 16;
  const ports: UnitPorts = {
    ...{ memory, registers: unit.registers },
    allocate(count) {
      const first = Math.ceil(next / count) * count;
      next = first + count;
      for (let n = first; n < next; n++) memory.fill(n * 4096, 4096, 0);
      return first;
    },
    spin(until) {
      while (!until()) {
        if (unit.queue.choices() === 0) return false;
        unit.queue.step();
      }
      return true;
    },
  };
  return { unit, ports };
}

test("a command that the unit refuses becomes a CMD_SYNC, and those behind it are carried out", () => {
  const { unit, ports } = ground();
  const queue = new CommandQueue(ports, () => undefined);
  unit.registers.write32(cr0.offset, 8);
  for (let n = 0; n < 300; n++) {
    expect(queue.submit(forgetAllStreams(), Uint32Array.of(0xff, 0, 0, 0), forgetSpace(1))).toBe("done");
    expect(unit.registers.read32(gerror.offset)).toBe(unit.registers.read32(gerrorn.offset));
  }
});

test("a queue that is switched off answers nobody, and nobody waits for ever", () => {
  const { unit, ports } = ground();
  const queue = new CommandQueue(ports, () => undefined);
  expect(queue.submit(forgetAllStreams())).toBe("unanswered");
  unit.registers.write32(cr0.offset, 8);
  expect(queue.submit(forgetAllStreams())).toBe("done");
});

test("that events were lost is acknowledged when the queue is read", () => {
  const { unit, ports } = ground();
  const driver = new SmmuDriver({ ports, lastRequester: 0xff });
  const overflows = () => [eventqProd, eventqCons].map((r) => unit.registers.read32(r.offset) >>> 31);
  const [transaction] = unit.transactions;
  const refuse = () => {
    transaction!.begin({ requester: 8, pasid: null, frame: 5, offset: 0, write: true, type: 0 });
    while (!transaction!.isDone) transaction!.step(0);
    transaction!.end();
  };
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 130; n++) refuse();
    expect(overflows()[0]).not.toBe(overflows()[1]);
    expect(driver.takeFaults().length).toBe(128);
    expect(overflows()[0]).toBe(overflows()[1]);
  }
});

test("a unit without what the driver needs is refused", () => {
  const { ports } = ground(0x0100_341a);
  expect(() => new SmmuDriver({ ports, lastRequester: 0xff })).toThrow("two levels of streams");
});
