/** Attaching to a running QEMU: what is read, and that the guest runs on whatever happens. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { unitsFromRegisters } from "../../src/audit/inspect/registers/units_from_registers.js";
import { Rng } from "../../src/base/rng.js";
import { withLiveGuest } from "../../src/cli/inspect/live/live_guest.js";
import { addressMap } from "../../src/cli/inspect/live/map.js";
import { whilePaused } from "../../src/cli/inspect/live/pause.js";
import { Qmp } from "../../src/cli/inspect/live/qmp.js";
import type { UnitRoot } from "../../src/table/device/index.js";
import { startX86, type UnderTest } from "./machines.js";
import { findQemu } from "./qtest.js";
import { TestMemory } from "./test_memory.js";
import { VtdDriver } from "./vtd_driver.js";
import { legacyWorld } from "./vtd_legacy.js";

const folder = mkdtempSync(join(tmpdir(), "dmalab-live-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const qemu = findQemu("x86_64");
/** No signal comes. */
const undisturbed = { beforeEnd: () => () => {} };
const socket = join(folder, "live.sock");
const watching = join(folder, "watch.sock");

describe.skipIf(qemu === null)(`a running guest${qemu === null ? ": no qemu-system-x86_64 here" : ""}`, () => {
  let machine: UnderTest;
  let memory: TestMemory;
  let unit: UnitRoot;
  /** A second monitor, to see what the first one does to the guest. */
  let watcher: Qmp;

  beforeAll(async () => {
    const monitors = [socket, watching].flatMap((s) => ["-qmp", `unix:${s},server=on,wait=off`]);
    machine = await startX86(qemu!.path, "intel-iommu,intremap=off,aw-bits=48", 4, monitors);
    const driver = await VtdDriver.of(machine.qtest, 48, legacyWorld);
    memory = new TestMemory(machine.ramBase);
    const requesters = machine.edus.map((e) => e.requester);
    unit = driver.build(memory, new Rng(5), requesters).unit;
    memory.copyTables(machine.qtest);
    await machine.qtest.send(driver.load(unit));
    watcher = await Qmp.connect(watching);
  });
  afterAll(async () => {
    watcher?.close();
    await machine?.qtest.end();
  });

  const names = () => ({ socket, ram: machine.qtest.ramPath });

  test("registers, memory and the bus are the guest's, which stands still meanwhile and runs afterwards", async () => {
    const paused = await withLiveGuest(
      names(),
      async ({ registers, image, pci, notes }) => {
        const found = unitsFromRegisters("live", JSON.stringify(registers)).units;
        expect(found).toMatchObject([{ kind: "vtd", root: unit.root, translating: true, mode: "legacy" }]);
        for (const table of memory.tables) {
          expect(image.frame((table / 4096) as never)).toEqual(memory.frame(table / 4096));
        }
        expect(pci).toContain("1234:11e8");
        expect(notes).toEqual([]);
        return watcher.runState();
      },
      undisturbed,
    );
    expect(paused).toEqual({ running: false, status: "paused" });
    expect((await watcher.runState()).running).toBe(true);
  });

  test("a guest whose reading fails runs on, and the failure is told", async () => {
    const reading = withLiveGuest(names(), () => Promise.reject(new Error("no tables")), undisturbed);
    await expect(reading).rejects.toThrow("no tables");
    expect((await watcher.runState()).running).toBe(true);
  });

  test("a guest that stood still before stands still afterwards", async () => {
    await watcher.execute("stop");
    await withLiveGuest(names(), async () => {}, undisturbed);
    expect(await watcher.runState()).toEqual({ running: false, status: "paused" });
    await watcher.execute("cont");
  });

  test("a signal resumes the guest before the program ends", async () => {
    const toPutRight = new Set<() => void | Promise<void>>();
    const qmp = await Qmp.connect(socket);
    await whilePaused(
      qmp,
      async () => {
        expect((await watcher.runState()).running).toBe(false);
        for (const putRight of toPutRight) await putRight();
        expect((await watcher.runState()).running).toBe(true);
      },
      {
        beforeEnd(putRight) {
          toPutRight.add(putRight);
          return () => void toPutRight.delete(putRight);
        },
      },
    );
    qmp.close();
    expect(toPutRight.size).toBe(0);
  });

  test("another file than the guest's RAM is refused in one line, and the guest runs on", async () => {
    const other = join(folder, "other");
    writeFileSync(other, new Uint8Array(4096));
    await expect(withLiveGuest({ socket, ram: other }, async () => {}, undisturbed)).rejects.toThrow(
      /memory backend \("ram0"/,
    );
    expect((await watcher.runState()).running).toBe(true);
  });

  test("a monitor that another client holds is said to be busy", async () => {
    const first = await Qmp.connect(socket);
    await expect(Qmp.connect(socket, 300)).rejects.toThrow(/one client at a time/);
    first.close();
  });

  test("a command that QEMU refuses is told in its words", async () => {
    await expect(watcher.execute("no-such-command")).rejects.toThrow(/no-such-command/);
  });
});

describe("sockets that are no monitor", () => {
  const serve = async (name: string, text: string) => {
    const path = join(folder, name);
    const server = createServer((client) => client.end(text)).listen(path);
    await new Promise((resolve) => server.once("listening", resolve));
    return { path, close: () => server.close() };
  };

  const rows = [
    ["closes at once", "", /closed it/],
    ["speaks HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", /expected QMP, one JSON object a line/],
    ["greets and leaves", '{"QMP": {"version": {}}}\n', /closed it/],
  ] as const;
  test.each(rows)("one that %s", async (_, text, message) => {
    const { path, close } = await serve(`s${rows.findIndex((r) => r[1] === text)}`, text);
    await expect(Qmp.connect(path, 1000)).rejects.toThrow(message);
    close();
  });

  test("nothing at that path", async () => {
    await expect(Qmp.connect(join(folder, "none"))).rejects.toThrow(/found nothing at that path/);
  });
});

describe("QEMU's map of physical addresses", () => {
  const mtree = (rows: string) => `FlatView #1\n AS "memory", root: system\n Root memory region: system\n${rows}\n`;
  test("pieces of a block on both sides of the hole, registers of every unit", () => {
    const map = addressMap(
      "guest",
      mtree(`  0000000000000000-00000000000bffff (prio 0, ram): m0 KVM
  00000000000c0000-00000000000dffff (prio 1, rom): pc.rom
  0000000000100000-000000007fffffff (prio 0, ram): m0 @0000000000100000
  0000000009050000-000000000906ffff (prio 0, i/o): arm-smmuv3
  00000000fed80000-00000000fed83fff (prio 0, i/o): amdvi-mmio
  00000000fed90000-00000000fed9022f (prio 0, i/o): intel_iommu
  0000000100000000-00000001ffffffff (prio 0, ram): m0 @0000000080000000 KVM`),
    );
    expect(map.ram.filter((p) => p.block === "m0")).toEqual([
      { block: "m0", offset: 0, address: 0, bytes: 0xc0000 },
      { block: "m0", offset: 0x100000, address: 0x100000, bytes: 0x7ff00000 },
      { block: "m0", offset: 0x80000000, address: 0x100000000, bytes: 0x100000000 },
    ]);
    expect(map.units.map((u) => [u.kind, u.address])).toEqual([
      ["smmuv3", 0x9050000],
      ["amdvi", 0xfed80000],
      ["vtd", 0xfed90000],
    ]);
  });

  test.each([
    ["no flat view of memory", 'FlatView #0\n AS "I/O", root: io\n', /flat view of "memory"/],
    ["no RAM", mtree("  0000000000000000-0000000000000007 (prio 0, i/o): x"), /expected RAM/],
  ] as const)("a text with %s", (_, text, message) => expect(() => addressMap("guest", text)).toThrow(message));
});
