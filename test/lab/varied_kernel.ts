/**
 * A small kernel that does a little of everything: devices of several drivers and masks, lists, refusals, buffers that do
 * not bounce, interrupts between a search and its event, ends that are written late or early, events that are missing.
 */
import { Rng } from "../../src/base/rng.js";
import { Pool } from "../../src/sw/swiotlb/index.js";

export interface Varied {
  readonly seed: number;
  readonly calls: number;
  readonly slots: number;
  readonly areas: number;
  readonly cpus: number;
  /** Which events are written; all without it. */
  readonly only?: "dma" | "swiotlb";
  /** How often in a hundred calls something goes wrong with the recording. */
  readonly odd?: number;
  /** Buffers of 32-bit devices bounce where they lie too high, others do not. */
  readonly natural?: boolean;
  /** Entries that the event of a list has room for. */
  readonly shown?: number;
  /** Calls that end mappings, of ten. */
  readonly ends?: number;
}

const devices = [
  { name: "0000:00:03.0", minAlignMask: 0, mask: "ffffffffffffffff", sizes: [512, 2048, 4096, 9000, 24576] },
  { name: "0000:01:00.0", minAlignMask: 0xfff, mask: "ffffffffffffffff", sizes: [4096, 8192, 32768, 65536] },
  { name: "0000:02:00.0", minAlignMask: 0, mask: "ffffffff", sizes: [64, 1522, 2048] },
] as const;
type Device = (typeof devices)[number];

export const poolStart = 0x3e300000;
const dirs = ["TO_DEVICE", "FROM_DEVICE", "BIDIRECTIONAL"];
const hex = (n: number) => n.toString(16);
const braces = (values: readonly number[]) => `{${values.map((v) => `0x${hex(v)}`).join(",")}}`;

/** Numbers as their bytes, the lowest first. */
function bytesOf(values: readonly number[], width: number): string {
  const bytes = values.flatMap((v) => Array.from({ length: width }, (_, k) => Math.floor(v / 256 ** k) % 256));
  return `ARRAY[${bytes.map((b) => hex(b).padStart(2, "0")).join(", ")}]`;
}

interface Buffer {
  readonly phys: number;
  readonly bus: number;
  readonly size: number;
  readonly offset: number;
}

interface Held {
  readonly device: Device;
  readonly dir: string;
  readonly list: boolean;
  readonly buffers: readonly Buffer[];
}

/** @returns the recording as ftrace text */
export function variedKernel(o: Varied): string {
  const rng = new Rng(o.seed);
  const pool = new Pool({ start: poolStart, slots: o.slots, areas: o.areas });
  const lines: { readonly time: number; readonly text: string; readonly kind: "dma" | "swiotlb" | "note" }[] = [];
  const held: Held[] = [];
  let time = 1_000_000;
  const happens = (inHundred: number) => rng.below(100) < inHundred;
  const isOdd = () => happens(o.odd ?? 0);
  const one = <T>(of: readonly T[]): T => of[rng.below(of.length)]!;

  function say(kind: "dma" | "swiotlb", task: string, cpu: number, flags: string, text: string): void {
    time += 1 + rng.below(9);
    const late = isOdd() ? rng.below(400) : 0;
    const stamp = ((time + late) / 1e6).toFixed(6);
    lines.push({ time: time + late, kind, text: `${task.padStart(16)}  [00${cpu}] ${flags}  ${stamp}: ${text}` });
  }

  function search(device: Device, task: string, cpu: number, flags: string, size: number, high: boolean): Buffer {
    const phys = (high ? 0x120000000 : 0x10000000) + rng.below(0x8000) * 4096 + (happens(50) ? 0 : rng.below(8) * 512);
    const bounces = !(o.natural ?? false) || (high && device.mask === "ffffffff");
    if (!bounces) return { phys, bus: phys, size, offset: -2 };
    const why = o.natural === true ? "NORMAL" : "FORCE";
    if (!isOdd()) {
      const text = `dev_name: ${device.name} dma_mask=${device.mask} dev_addr=${hex(phys)} size=${size} ${why}`;
      say("swiotlb", task, cpu, flags, `swiotlb_bounced: ${text}`);
    }
    const offset = pool.map(cpu, Math.floor(phys / 2 ** 32), phys % 2 ** 32, size, device.minAlignMask, 0, 0);
    return { phys, bus: offset < 0 ? Number.NaN : poolStart + offset, size, offset };
  }

  function giveBack(buffers: readonly Buffer[], device: Device): void {
    for (const b of buffers) if (b.offset >= 0) pool.unmap(b.offset, device.minAlignMask);
  }

  function single(device: Device, task: string, cpu: number, flags: string): void {
    const b = search(device, task, cpu, flags, one(device.sizes), happens(60));
    const dir = one(dirs);
    // An interrupt between the search and its event; the task goes on elsewhere.
    if (flags === "....." && isOdd()) single(one(devices), task, cpu, "d.h1.");
    const after = isOdd() ? rng.below(o.cpus) : cpu;
    const bus = Number.isNaN(b.bus) ? "ffffffffffffffff" : hex(b.bus);
    const phys = hex(isOdd() ? b.phys + 4096 : b.phys);
    const text = `dma_map_phys: ${device.name} dir=${dir} dma_addr=${bus} size=${b.size} phys_addr=${phys} attrs=`;
    if (!isOdd()) say("dma", task, after, flags, text);
    if (!Number.isNaN(b.bus)) held.push({ device, dir, list: false, buffers: [b] });
  }

  function list(device: Device, task: string, cpu: number): void {
    const dir = one(dirs);
    const buffers: Buffer[] = [];
    for (let n = 1 + rng.below(5); n > 0; n--) {
      const b = search(device, task, cpu, ".....", one(device.sizes), happens(60));
      buffers.push(b);
      if (!Number.isNaN(b.bus)) continue;
      giveBack(buffers, device);
      return;
    }
    const all = buffers.length;
    // An event has room for the first entries only: how many there are tells the form in which no list is printed.
    const some = buffers.slice(0, Math.min(all, isOdd() ? Math.max(1, all - 2) : (o.shown ?? all)));
    const [dmas, sizes, physes] = [some.map((b) => b.bus), some.map((b) => b.size), some.map((b) => b.phys)];
    const printed =
      `${device.name} dir=${dir} nents=${all}/${all} ents=${all}/${all} dma_addrs=${braces(dmas)} ` +
      `sizes=${braces(sizes)} phys_addrs=${braces(physes)} attrs=`;
    const raw =
      `          [FAILED TO PARSE] device=${device.name} full_nents=${all} full_ents=${all} truncated=1 ` +
      `phys_addrs=${bytesOf(physes, 8)} dma_addrs=${bytesOf(dmas, 8)} lengths=${bytesOf(sizes, 4)} ` +
      `dir=${["BIDIRECTIONAL", "TO_DEVICE", "FROM_DEVICE"].indexOf(dir)} attrs=0x0`;
    say("dma", task, cpu, ".....", `dma_map_sg: ${some.length < all ? raw : printed}`);
    held.push({ device, dir, list: true, buffers });
  }

  function end(task: string, cpu: number): void {
    const [h] = held.splice(rng.below(held.length), 1);
    if (h === undefined) return;
    giveBack(h.buffers, h.device);
    const { name } = h.device;
    const of = `${name} dir=${h.dir}`;
    if (h.list) {
      say("dma", task, cpu, ".....", `dma_unmap_sg: ${of} phys_addrs=${braces(h.buffers.map((b) => b.phys))} attrs=`);
    } else {
      const [b] = h.buffers;
      const bus = isOdd() ? b!.bus + 4096 : b!.bus;
      say("dma", task, cpu, "d.h1.", `dma_unmap_phys: ${of} dma_addr=${hex(bus)} size=${b!.size} attrs=`);
    }
  }

  for (let n = 0; n < o.calls; n++) {
    const cpu = rng.below(o.cpus);
    const task = `dd-${100 + cpu}`;
    time += rng.below(40) + (happens(2) ? 2_000_000 : 0);
    if (rng.below(10) < (o.ends ?? 4)) end(task, cpu);
    else if (happens(25)) list(one(devices), task, cpu);
    else single(one(devices), task, cpu, ".....");
    if (isOdd() && happens(20))
      lines.push({ time, kind: "note", text: `CPU:${cpu} [LOST ${1 + rng.below(9)} EVENTS]` });
  }
  const wanted = lines.filter((l) => o.only === undefined || l.kind === o.only || l.kind === "note");
  const text = wanted.map((l, k) => ({ ...l, k })).sort((a, b) => a.time - b.time || a.k - b.k);
  return `# tracer: nop\n#\n${text.map((l) => l.text).join("\n")}\n`;
}
