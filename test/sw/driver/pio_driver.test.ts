/** A driver without DMA: sectors by the CPU, wherever their bytes lie. */
import { expect, test } from "vitest";
import { SectorPort } from "../../../src/hw/device/sector_port.js";
import { Memory } from "../../../src/mem/memory.js";
import { PioDriver } from "../../../src/sw/driver/pio_driver.js";

function machine() {
  const memory = new Memory(16);
  const medium = new Uint8Array(4096);
  const driver = new PioDriver({ memory, registers: new SectorPort(medium) });
  const move = (toDisk: boolean, block: number, list: readonly { phys: number; size: number }[]) => {
    const errors: (string | null)[] = [];
    driver.submit({ toDisk, block, list, done: (e) => errors.push(e) });
    while (driver.ready()) driver.step();
    return errors;
  };
  return { memory, medium, move };
}

test("a sector that begins in one piece of memory and ends in another keeps its bytes, both ways", () => {
  const m = machine();
  const bytes = Uint8Array.from({ length: 1536 }, (_, n) => (n * 29) & 255);
  const pieces = [
    { phys: 0x1003, size: 700 },
    { phys: 0x3000, size: 100 },
    { phys: 0x5001, size: 736 },
  ];
  let at = 0;
  for (const p of pieces) {
    m.memory.write(p.phys, bytes.subarray(at, at + p.size));
    at += p.size;
  }
  expect(m.move(true, 2, pieces)).toEqual([null]);
  expect(Buffer.compare(m.medium.subarray(1024, 2560), bytes)).toBe(0);
  const back = pieces.map((p) => ({ phys: p.phys + 0x6000, size: p.size }));
  expect(m.move(false, 2, back)).toEqual([null]);
  const got = back.flatMap((p) => {
    const part = new Uint8Array(p.size);
    m.memory.read(p.phys, part);
    return [...part];
  });
  expect(got).toEqual([...bytes]);
});

test("a sector that is not there ends the transfer with an error", () => {
  const m = machine();
  expect(m.move(false, 7, [{ phys: 0x1000, size: 1024 }])).toEqual(["the disk has no sector 8"]);
});
