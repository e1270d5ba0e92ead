/** Parts of the AMD-Vi driver that a machine does not show: units that forget nothing at once, a processor that halted. */
import { expect, test } from "vitest";
import { AmdviUnit } from "../../../src/hw/iommu/amdvi/amdvi_unit.js";
import { Memory } from "../../../src/mem/memory.js";
import { Opcode } from "../../../src/spec/amdvi/commands.js";
import { Control } from "../../../src/spec/amdvi/registers.js";
import { MachineState } from "../../../src/state/machine_state.js";
import { AmdviDriver } from "../../../src/sw/iommu/amdvi/amdvi_driver.js";
import { CommandRing } from "../../../src/sw/iommu/amdvi/command_ring.js";
import { invalidateAll, invalidateDevice } from "../../../src/sw/iommu/amdvi/commands.js";
import { UnitControl } from "../../../src/sw/iommu/amdvi/control.js";
import type { UnitPorts } from "../../../src/sw/iommu/ports.js";

/** @param features EFR's lower half */
function ground(features: number) {
  const memory = new Memory(256);
  const unit = new AmdviUnit({
    ...{ state: new MachineState(), memory, messages: { send: () => undefined } },
    features: [features, 0x4000],
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
        unit.queue.step(0);
      }
      return true;
    },
  };
  return { unit, ports };
}

test("a unit without INVALIDATE_IOMMU_ALL is told of every device and every domain when it is switched on", () => {
  const { ports } = ground(0x800);
  const posted = new Map<number, number>();
  const count = (w: Uint32Array) => posted.set(w[1]! >>> 28, (posted.get(w[1]! >>> 28) ?? 0) + 1);
  const driver = new AmdviDriver({ ports, lastRequester: 0xff, posted: count });
  expect(Object.fromEntries(posted)).toEqual({
    [Opcode.invalidateDevice]: 256,
    [Opcode.invalidatePages]: 65536,
    [Opcode.completionWait]: 2,
  });
  expect(driver.takeFaults()).toEqual([]);
});

test("what is asked of a processor that halted is unanswered, however much it is, and nobody waits for ever", () => {
  const { unit, ports } = ground(0x840);
  const control = new UnitControl(ports.registers);
  control.set(Control.iommuEn, 1);
  const ring = new CommandRing(ports, control, () => undefined);
  expect(ring.submit(invalidateAll(), invalidateDevice(8))).toBe("done");
  expect(ring.submit(Uint32Array.of(0, 0xf000_0000, 0, 0))).toBe("unanswered");
  for (let n = 0; n < 600; n++) expect(ring.submit(invalidateDevice(n))).toBe("unanswered");
  // Switched off and on it goes on with what was posted.
  control.set(Control.cmdBufEn, 0);
  control.set(Control.cmdBufEn, 1);
  expect(ring.submit(invalidateDevice(8))).toBe("done");
  expect(unit.registers.get("cmdHead")).toBe(unit.registers.get("cmdTail"));
});

test("where nothing was asked there is nothing to wait for", () => {
  const { ports } = ground(0x840);
  const control = new UnitControl(ports.registers);
  control.set(Control.iommuEn, 1);
  let posted = 0;
  const ring = new CommandRing(ports, control, () => posted++);
  expect(ring.submit()).toBe("done");
  expect(posted).toBe(0);
  expect(ring.submit(invalidateDevice(8))).toBe("done");
  expect(ring.submit()).toBe("done");
  expect(posted).toBe(2);
});
