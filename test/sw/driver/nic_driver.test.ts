/** A network card and its driver, end to end, where buffers cannot be had and where the bus refuses a descriptor. */
import { expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import type { DmaPort } from "../../../src/bus/dma_port.js";
import { Nic } from "../../../src/hw/device/nic.js";
import { oneWay } from "../../../src/sim/actor.js";
import { runUntilIdle } from "../../../src/sim/schedule.js";
import { Direction } from "../../../src/spec/dma/direction.js";
import { DmaApi } from "../../../src/sw/dma/index.js";
import { NicDriver } from "../../../src/sw/driver/nic_driver.js";
import { engines, NativeGuest, plainDevice } from "../../../src/sw/engine/index.js";

const slots = 128;

function machine() {
  const guest = new NativeGuest(4096);
  const bus = { refuses: (_at: number): boolean => false };
  const port: DmaPort = {
    read(_, at, into) {
      if (bus.refuses(at)) return "fault";
      guest.memory.read(at, into);
      return "done";
    },
    write(_, at, from) {
      if (bus.refuses(at)) return "fault";
      guest.memory.write(at, from);
      return "done";
    },
  };
  const pool = { start: guest.allocPages(6)! * 4096, slots, areas: 1 };
  const engine = engines.swiotlb.build({ guest, pool, force: true });
  const api = (bdf: string) => new DmaApi({ engine, device: plainDevice({ bdf }) });
  const emitted: Uint8Array[] = [];
  const nic = new Nic({ port, requester: 0x28, emit: (packet) => emitted.push(packet) });
  const { registers, configuration, interrupt } = nic;
  let resets = 0;
  const driver = new NicDriver({
    kernel: guest,
    memory: guest.memory,
    api: api("0000:00:05.0"),
    registers,
    configuration,
    interrupt,
    entries: 8,
    onReset: () => resets++,
  });
  const other = api("0000:00:06.0");
  const run = (stepMax = 1e5) => runUntilIdle([oneWay("nic", nic), oneWay("driver", driver)], new Rng(3), stepMax);
  const send = (fill: number) => {
    const phys = guest.allocPages(0)! * 4096;
    guest.memory.write(phys, new Uint8Array(100).fill(fill));
    const ended: (string | null)[] = [];
    driver.send({ list: [{ phys, size: 100 }], done: (error) => ended.push(error) });
    return ended;
  };
  return { guest, bus, engine, nic, driver, other, emitted, run, send, resets: () => resets };
}

test("a driver that finds no buffers asks again until there are some", () => {
  const m = machine();
  const taken = Array.from({ length: slots }, () => m.other.map(4096 * 100, 2048, Direction.toDevice).bus);
  expect(m.engine.pool!.used).toBe(slots);
  // Nothing is in the ring, so no interrupt will come: only the watchdog looks again.
  expect(m.run(500).idle).toBe(false);
  for (const bus of taken) m.other.unmap(bus, 2048, Direction.toDevice);
  const got: number[] = [];
  m.driver.received = (pieces) => {
    for (const p of pieces) {
      got.push(p.size);
      m.guest.freePages(p.page, 0);
    }
  };
  expect(m.nic.receive(new Uint8Array(60))).toBe(true);
  expect(m.run().idle).toBe(true);
  expect(got).toEqual([60]);
  m.driver.close();
  expect(m.engine.pool!.used).toBe(0);
});

test("where buffers never come, the driver gives up and the run ends", () => {
  const m = machine();
  for (let n = 0; n < slots; n++) m.other.map(4096 * 100, 2048, Direction.toDevice);
  expect(m.run().idle).toBe(true);
});

test.each(["fetched", "written back"])(
  "packets whose descriptor cannot be %s are given back, and the next go out",
  (what) => {
    const m = machine();
    m.run();
    const written = what === "fetched" ? 0 : 12;
    m.bus.refuses = (at) => at === m.nic.registers.get("transmitBase") + written;
    const first = m.send(1);
    m.run(200);
    m.bus.refuses = () => false;
    expect(m.run().idle).toBe(true);
    expect(first).toEqual(["the controller has stopped and was reset"]);
    expect(m.resets()).toBeGreaterThan(0);
    const second = m.send(2);
    m.run();
    expect(second).toEqual([null]);
    expect(m.emitted.at(-1)).toEqual(new Uint8Array(100).fill(2));
    m.driver.close();
    expect(m.engine.pool!.used).toBe(0);
  },
);
