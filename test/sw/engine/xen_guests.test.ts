/** Engines on the hypervisor's own guests: bytes arrive, pages of other domains too, and the gate sees nothing wrong. */
import { describe, expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { Direction } from "../../../src/spec/dma/direction.js";
import { Checker, DmaApi } from "../../../src/sw/dma/index.js";
import {
  consecutiveGrants,
  type EngineName,
  engines,
  grantOf,
  plainDevice,
  selectEngine,
} from "../../../src/sw/engine/index.js";
import { fixPool, type XenModel } from "../../../src/sw/xen/index.js";
import { machine } from "../xen/machine.js";
import { randomBytes, readBytes } from "./bench.js";

const { toDevice, fromDevice, bidirectional } = Direction;
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
const requester = 8;

type Row = readonly [model: XenModel, arch: "x86" | "arm" | "ia64", engine: EngineName];
const rows: readonly Row[] = [
  ["p2m", "x86", "swiotlb-xen-x86"],
  ["p==m", "arm", "swiotlb-xen-arm"],
  ["vp+hypercall", "ia64", "software-iommu"],
  ["vp+iommu", "x86", "direct"],
];

function setUp([model, arch, name]: Row, seed: number) {
  const m = machine({ model, seed });
  const { back } = m;
  const first = back.allocRun(512, 64)!;
  if (model === "p2m" || model === "vp+hypercall") expect(fixPool(back, first * 4096, 512 * 4096)).not.toBeNull();
  const device = plainDevice({ bdf: "0000:00:01.0", behindIommu: model === "vp+iommu" });
  const memoryEnd = 1024 * 4096;
  const directMapped = model === "p==m" ? "direct" : "unsaid";
  const chosen = selectEngine({ arch, model, domain: 0, directMapped, swiotlb: "auto", memoryEnd }, device);
  expect(chosen.engine).toBe(name);
  const pool = { start: first * 4096, slots: 1024, areas: 1 };
  const engine = engines[chosen.engine].build({ guest: back, pool, memoryEnd });
  const checker = new Checker({ guest: back, memory: back.memory });
  const api = new DmaApi({ engine, device, checks: checker });
  return { ...m, api, engine, device, checker, port: checker.watchPort(m.bus) };
}

for (const row of rows) {
  describe(`${row[0]}: ${row[2]}`, () => {
    test("own buffers arrive byte for byte", () => {
      const s = setUp(row, 1);
      const rng = new Rng(3);
      for (let n = 0; n < 60; n++) {
        const page = s.back.allocPages(2)!;
        const size = 1 + rng.below(12288);
        const phys = page * 4096 + rng.below(4096);
        const given = randomBytes(rng, size);
        s.back.memory.write(phys, given);
        const m = s.api.map(phys, size, bidirectional);
        expect(s.api.mappingError(m.bus), m.refused?.words).toBe(false);
        const seen = new Uint8Array(size);
        expect(s.port.read(requester, m.bus, seen)).toBe("done");
        expect(same(seen, given)).toBe(true);
        const written = randomBytes(rng, size);
        s.port.write(requester, m.bus, written);
        s.api.unmap(m.bus, size, bidirectional);
        expect(same(readBytes(s.back.memory, phys, size), written)).toBe(true);
        s.back.freePages(page, 2);
      }
      expect(s.checker.violations).toEqual([]);
      expect(s.gate.violations).toEqual([]);
    });

    test("pages of a guest are used where they are, and are no bounce buffers", () => {
      const s = setUp(row, 2);
      const rng = new Rng(4);
      for (let n = 0; n < 30; n++) {
        const page = s.kernel.allocPages(0)!;
        const given = randomBytes(rng, 4096);
        s.kernel.memory.write(page * 4096, given);
        const ref = s.grants.grant(0, page, false);
        const [mapped] = s.foreign.map([{ domain: 1, ref, readOnly: false, device: row[0] === "p2m" }]);
        expect(mapped!.status).toBe(0);
        const m = s.api.map(mapped!.page * 4096, 4096, fromDevice);
        s.api.mappingError(m.bus);
        expect([m.foreign, m.bounced, m.refused]).toEqual([true, false, null]);
        expect(s.engine.isBounceBuffer(s.device, m.bus)).toBe(false);
        const written = randomBytes(rng, 4096);
        expect(s.port.write(requester, m.bus, written)).toBe("done");
        s.api.unmap(m.bus, 4096, fromDevice);
        expect(s.foreign.unmap([mapped!])).toEqual([0]);
        expect(s.grants.endAccess(ref)).toBe(true);
        expect(same(readBytes(s.kernel.memory, page * 4096, 4096), written)).toBe(true);
        s.kernel.freePages(page, 0);
      }
      expect(s.checker.violations).toEqual([]);
      expect(s.gate.violations).toEqual([]);
    });

    test("coherent memory is in reach of a 32-bit device and comes back", () => {
      const s = setUp(row, 3);
      s.api.setCoherentMask(2 ** 32 - 1);
      for (const size of [100, 4096, 10000, 65536]) {
        const at = s.api.alloc(size)!;
        expect(at, `${size} bytes`).not.toBeNull();
        s.port.write(requester, at.bus + size - 1, new Uint8Array([0x5a]));
        expect(readBytes(s.back.memory, at.phys + size - 1, 1)[0]).toBe(0x5a);
        s.api.free(at, size);
      }
      expect(s.checker.violations).toEqual([]);
      expect(s.gate.violations).toEqual([]);
    });
  });
}

describe("grants as addresses", () => {
  function granting() {
    const m = machine({ model: "p2m", guestModel: "vp" });
    const device = plainDevice({ bdf: "0000:00:02.0", grantBackend: 0 });
    const engine = engines.grant.build({ log: m.log, guest: m.kernel, grants: consecutiveGrants(m.grants) });
    const checker = new Checker({ guest: m.kernel, memory: m.kernel.memory });
    return { ...m, device, engine, checker, api: new DmaApi({ engine, device, checks: checker }) };
  }

  test("the domain that serves the device reads what the addresses say, page for page", () => {
    const s = granting();
    const rng = new Rng(5);
    for (let n = 0; n < 40; n++) {
      const page = s.kernel.allocPages(2)!;
      const size = 1 + rng.below(12288);
      const phys = page * 4096 + rng.below(4096);
      const given = randomBytes(rng, size);
      s.kernel.memory.write(phys, given);
      const m = s.api.map(phys, size, toDevice);
      s.api.mappingError(m.bus);
      const seen = new Uint8Array(size);
      for (let done = 0; done < size; ) {
        const { reference, offset } = grantOf(m.bus + done)!;
        const [mapped] = s.foreign.map([{ domain: 1, ref: reference, readOnly: true }]);
        expect(mapped!.status).toBe(0);
        const part = seen.subarray(done, done + Math.min(4096 - offset, size - done));
        s.back.memory.read(mapped!.page * 4096 + offset, part);
        s.foreign.unmap([mapped!]);
        done += part.length;
      }
      expect(same(seen, given)).toBe(true);
      s.api.unmap(m.bus, size, toDevice);
      s.kernel.freePages(page, 2);
    }
    expect(s.grants.live.size).toBe(0);
    expect(s.checker.violations).toEqual([]);
  });

  test("a backend that keeps a grant has its device disabled for ever", () => {
    const s = granting();
    const first = s.api.map(4096 * 8, 100, fromDevice);
    const second = s.api.map(4096 * 9, 100, fromDevice);
    const [kept] = s.foreign.map([{ domain: 1, ref: grantOf(first.bus)!.reference, readOnly: false }]);
    s.api.unmap(first.bus, 100, fromDevice);
    expect(s.log.lines).toEqual(["Grant still in use by backend domain, disabled for further use"]);
    expect(s.api.map(4096 * 10, 100, toDevice).refused?.words).toContain("disabled");
    expect(s.api.alloc(4096)).toBeNull();
    s.foreign.unmap([kept!]);
    s.api.unmap(second.bus, 100, fromDevice);
    expect(s.api.map(4096 * 10, 100, toDevice).bus, "letting go later changes nothing").toBe(-1);
    expect(s.grants.live.size, "what was granted stays granted").toBe(2);
  });

  test("the address is as the wire has it", () => {
    const s = granting();
    const m = s.api.map(4096 * 8 + 0x10, 0x20, toDevice);
    const { reference, offset } = grantOf(m.bus)!;
    expect(offset).toBe(0x10);
    s.api.unmap(m.bus, 0x21, toDevice);
    const [violation] = s.checker.violations;
    const wire = (0x8000_0000_0000_0000n | (BigInt(reference) << 12n) | 0x10n).toString(16);
    expect(violation!.detail).toContain(`0x${wire} `);
  });
});
