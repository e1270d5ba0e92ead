/**
 * A running QEMU guest as an image: paused while it is read, its RAM from the file behind it, its IOMMUs' registers
 * through the monitor.
 */
import { hex } from "../../../base/hex.js";
import type { Image } from "../../../read/image/image.js";
import { openImage } from "../../../read/image/open_image.js";
import { Unreadable } from "../../../read/unreadable.js";
import type { Host } from "../../host/host.js";
import { type AddressMap, addressMap } from "./map.js";
import { whilePaused } from "./pause.js";
import { Qmp } from "./qmp.js";
import { backendOf, backends, layoutOf, openRam, type RamFile, type RamLayout } from "./ram.js";
import { type RegisterDump, readRegisters } from "./registers.js";

export interface LiveGuest {
  /** Of the guest's RAM; good until the guest runs again. */
  readonly image: Image;
  /** One for each unit that QEMU emulates with tables in the guest's memory. */
  readonly registers: readonly RegisterDump[];
  /** The text of `info pci`: every function on the bus. */
  readonly pci: string;
  /** What a reader should know: RAM that the file does not hold, units that keep no tables in memory. */
  readonly notes: readonly string[];
}

export interface LiveNames {
  /** Path of a QMP socket that nobody else uses. */
  readonly socket: string;
  /** Path of the file behind the guest's RAM. */
  readonly ram: string;
}

/**
 * Attach, pause, read, resume. The guest runs on whatever happens, unless it stood still before.
 * @param read is run while the guest stands still; what it is given is of no use afterwards
 * @param host lets the guest run on before a signal ends the process
 * @returns what `read` returned.
 * @throws what `read` threw; Unreadable when the guest cannot be reached or the file is not its RAM.
 */
export async function withLiveGuest<T>(
  names: LiveNames,
  read: (guest: LiveGuest) => Promise<T>,
  host: Pick<Host, "beforeEnd">,
): Promise<T> {
  const file = openRam(names.ram);
  try {
    const qmp = await Qmp.connect(names.socket);
    try {
      return await whilePaused(qmp, async () => read(await describe(qmp, file)), host);
    } finally {
      qmp.close();
    }
  } finally {
    file.close();
  }
}

async function describe(qmp: Qmp, file: RamFile): Promise<LiveGuest> {
  const backend = backendOf(file, await backends(qmp));
  const map = addressMap(qmp.name, await qmp.monitor("info mtree -f"));
  const { layout, elsewhere } = layoutOf(file, backend, map);
  await compare(qmp, file, layout);
  const registers: RegisterDump[] = [];
  for (const unit of map.units) registers.push(await readRegisters(qmp, unit));
  const pci = await qmp.monitor("info pci");
  const image = await openImage(file, { format: "raw", layout });
  return { image, registers, pci, notes: notes(map, elsewhere, pci) };
}

/** Samples of each run, so that no other guest's file, and no stale one, is taken for this guest's RAM. */
const samplesPerRun = 4;
const sampledRunsMax = 16;

/** @throws Unreadable at the first word that the monitor and the file disagree on. */
async function compare(qmp: Qmp, file: RamFile, layout: readonly RamLayout[]): Promise<void> {
  const bytes = new Uint8Array(8);
  for (const { fileOffset, address, bytes: length } of layout.slice(0, sampledRunsMax)) {
    for (let n = 0; n < samplesPerRun; n++) {
      const within = Math.floor((length * n) / samplesPerRun / 8) * 8;
      file.read(fileOffset + within, bytes);
      const held = new DataView(bytes.buffer).getBigUint64(0, true);
      const at = hex(address + within);
      const text = await qmp.monitor(`xp /1gx ${at}`);
      const [, seen] = /: (0x[0-9a-f]+)\s*$/.exec(text) ?? [];
      if (seen === undefined || BigInt(seen) !== held) {
        const expected = `the guest's memory: ${seen ?? "nothing readable"} at ${at}`;
        throw new Unreadable(file.name, `offset ${hex(fileOffset + within)}`, expected, hex(held));
      }
    }
  }
}

/** virtio-iommu's vendor and device id; its mappings live in QEMU, not in the guest's memory. */
const virtioIommu = /PCI device 1af4:1057/;

function notes(map: AddressMap, elsewhere: AddressMap["ram"], pci: string): string[] {
  const found: string[] = [];
  // Firmware has blocks of its own below 4 GiB; only what may hold a guest's tables is worth a word.
  for (const { block, address, bytes } of elsewhere.filter((p) => p.bytes >= 2 ** 24)) {
    found.push(`${bytes} bytes at ${hex(address)} are in another file (${block}); they count as not held`);
  }
  if (virtioIommu.test(pci))
    found.push("a virtio-iommu is on the bus; it keeps its mappings in QEMU, where they are not seen");
  if (map.units.length === 0) found.push("QEMU emulates no IOMMU with tables in memory on this machine");
  return found;
}
