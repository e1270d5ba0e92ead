/**
 * A real kernel under QEMU, inspected while it stands and from its dump, held against the kernel's own record of the
 * mappings that are alive.
 *
 * Needs kernel packages, unpacked (`apt-get download linux-image-…; dpkg -x`), from 6.12 on for its record of DMA:
 * DMALAB_GUEST_X86_64=FOLDER, DMALAB_GUEST_AARCH64=FOLDER with DMALAB_BUSYBOX_AARCH64=FILE. Also xz and depmod.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { deviceName } from "../../src/audit/inspect/device_name.js";
import type { Inspection } from "../../src/audit/inspect/facts/inspection.js";
import { inspectFile, inspectLive } from "../../src/cli/inspect/inspect_source.js";
import { addressMap } from "../../src/cli/inspect/live/map.js";
import { readRegisters } from "../../src/cli/inspect/live/registers.js";
import { quiet } from "../cli/called.js";
import { aliveFrames, aliveMappings } from "./boot/alive.js";
import { Guest } from "./boot/guest.js";
import { busyLine, initramfs } from "./boot/initramfs.js";
import { modulesFolder, modulesInOrder } from "./boot/modules.js";
import { findQemu } from "./qtest.js";

const folder = mkdtempSync(join(tmpdir(), "dmalab-guest-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Row {
  readonly what: string;
  readonly arch: "x86_64" | "aarch64";
  readonly machine: readonly string[];
  readonly append: string;
}

const x86 = (what: string, unit: string, append: string): Row => {
  return { what, arch: "x86_64", machine: ["-machine", "q35,accel=tcg", "-device", unit], append };
};

const rows: readonly Row[] = [
  x86("VT-d, strict", "intel-iommu,intremap=off,aw-bits=48", "intel_iommu=on iommu.strict=1"),
  x86("VT-d, three levels", "intel-iommu,intremap=off,aw-bits=39", "intel_iommu=on iommu.strict=1"),
  x86("AMD-Vi", "amd-iommu,intremap=off", "amd_iommu=on iommu.strict=1"),
  {
    what: "SMMUv3",
    arch: "aarch64",
    machine: ["-machine", "virt,iommu=smmuv3,gic-version=3", "-cpu", "cortex-a57"],
    append: "iommu.strict=1",
  },
];

const devices = ["nvme,drive=n0,serial=abc", "e1000e,netdev=u0", "ahci,id=ah", "ide-hd,bus=ah.0,drive=s0"];
const drivers = ["nvme", "e1000e", "ahci", "sd_mod"];

for (const { what, arch, machine, append } of rows) {
  const variable = `DMALAB_GUEST_${arch.toUpperCase()}`;
  const kernel = process.env[variable];
  const busybox = arch === "x86_64" ? "/bin/busybox" : process.env["DMALAB_BUSYBOX_AARCH64"];
  const qemu = findQemu(arch);
  const missing =
    qemu === null
      ? `no qemu-system-${arch} here`
      : kernel === undefined
        ? `${variable} names no kernel package`
        : busybox === undefined || !existsSync(busybox)
          ? "no static busybox"
          : null;
  describe.skipIf(missing !== null)(`a guest with ${what}${missing === null ? "" : `: ${missing}`}`, () => {
    test("live, its dump, and its own record agree", async () => {
      const guest = await busyGuest({
        ...{ qemu: qemu!.path, arch, machine, devices, memoryMiB: 256 },
        ...{ kernel: kernelImage(kernel!), append: `${append} trace_event=dma trace_buf_size=12M` },
        initrd: initramfs(busybox!, modulesInOrder(modulesFolder(kernel!), drivers)),
        folder: join(folder, what.replaceAll(/\W+/g, "-")),
      });
      try {
        await guest.until("end Kernel panic", 300);
        const { socket, ram } = guest;
        const live = await inspectLive({ socket, ram }, {}, (i) => i.inspection, quiet());
        const dump = join(folder, "mem.elf");
        await guest.qmp.execute("stop");
        await guest.qmp.execute("dump-guest-memory", { paging: false, protocol: `file:${dump}` }, 120_000);
        const { units } = addressMap("guest", await guest.qmp.monitor("info mtree -f"));
        writeFileSync(
          join(folder, "mem.registers.json"),
          JSON.stringify(await Promise.all(units.map((u) => readRegisters(guest.qmp, u)))),
        );
        const stood = await inspectFile(dump, {}, (i) => i.inspection, quiet());
        expect(framesOf(live)).toEqual(framesOf(stood));
        const { alive, unmatched } = aliveMappings(guest.console.replaceAll("\r", ""));
        expect(unmatched).toBe(0);
        compare(live, aliveFrames(alive));
      } finally {
        await guest.end();
      }
    }, 600_000);
  });
}

/**
 * A guest at work. Now and then a kernel dies while it boots under software emulation, of code that it patches while its
 * other CPU runs it (`Oops: int3`): that says nothing of an IOMMU, and it is booted again.
 */
async function busyGuest(spec: Parameters<typeof Guest.start>[0]): Promise<Guest> {
  for (let boot = 1; ; boot++) {
    const guest = await Guest.start({ ...spec, folder: `${spec.folder}-${boot}` });
    try {
      if (await guest.until(busyLine, 200, boot < bootsMax ? "Kernel panic" : null)) return guest;
    } catch (error) {
      await guest.end();
      throw error;
    }
    await guest.end();
  }
}
const bootsMax = 3;

/** Every frame that a translated device reaches: `0000:00:03.0 iova-frame`, and the frame it reaches. */
function framesOf({ devices }: Inspection): Map<string, number> {
  const frames = new Map<string, number>();
  for (const device of devices) {
    const { ranges } = device;
    for (let n = 0; n < (ranges?.count ?? 0); n++) {
      const first = ranges!.iova[n]! / 4096;
      const to = ranges!.paddr[n]! / 4096;
      for (let k = 0; k < ranges!.bytes[n]! / 4096; k++) frames.set(`${deviceName(device)} ${first + k}`, to + k);
    }
  }
  return frames;
}

/** Every mapping of the record is found where it leads, and what else is found has a reason. */
function compare(inspection: Inspection, alive: ReadonlyMap<string, number | null>): void {
  const found = framesOf(inspection);
  const names = new Set(inspection.devices.map((d) => deviceName(d)));
  // The SMMU's own queues and tables are in the record; the unit reads them untranslated.
  const wanted = [...alive].filter(([key]) => names.has(key.split(" ")[0]!));
  expect(wanted.length).toBeGreaterThan(200);
  const elsewhere = wanted.filter(([key, to]) => to !== null && found.has(key) && found.get(key) !== to);
  expect(elsewhere).toEqual([]);
  const missing = wanted.map(([key]) => key).filter((key) => !found.has(key));
  expect(runsOf(missing).length, missing.join()).toBeLessThanOrEqual(inFlight);
  // Devices of one group share tables; the kernel maps 16 MiB to itself for ISA, and the page of the MSI doorbell.
  const tables = new Map(inspection.devices.map((d) => [deviceName(d), (d.second ?? d.first[0])?.address]));
  const reasons = new Set([...alive.keys()].map((key) => `${tables.get(key.split(" ")[0]!)} ${key.split(" ")[1]}`));
  const isa = (16 * 2 ** 20) / 4096;
  const extra = [...found].filter(([key, to]) => {
    const [name, frame] = key.split(" ");
    return !reasons.has(`${tables.get(name!)} ${frame}`) && !(to === Number(frame) && to < isa) && to !== doorbell;
  });
  const surplus = extra.map(([key]) => key);
  expect(runsOf(surplus).length, surplus.join()).toBeLessThanOrEqual(inFlight);
}

/**
 * The kernel records a mapping after it was made and a release after it was done. The processor that did not panic
 * may have been stopped in between, once.
 */
const inFlight = 1;

/** Neighbouring frames of one device as one. */
function runsOf(keys: readonly string[]): string[] {
  const all = new Set(keys);
  return keys.filter((key) => {
    const [name, frame] = key.split(" ");
    return !all.has(`${name} ${Number(frame) - 1}`);
  });
}

/** Where the virt machine's interrupt translation service takes messages. */
const doorbell = 0x8090_000 / 4096;

/** boot/vmlinuz-… of older packages, or the one beside the modules. */
function kernelImage(packageFolder: string): string {
  const boot = join(packageFolder, "boot");
  const name = existsSync(boot) ? readdirSync(boot).find((f) => f.startsWith("vmlinuz")) : undefined;
  return name === undefined ? join(modulesFolder(packageFolder), "vmlinuz") : join(boot, name);
}
