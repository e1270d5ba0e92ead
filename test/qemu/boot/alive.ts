/**
 * Mappings alive at the end of a kernel's own trace, from what its DMA API recorded: the truth that tables found in
 * memory are held against. It shares no code with the readers under test.
 */

export interface AliveMapping {
  /** PCI address of the device, `0000:00:03.0`. */
  readonly device: string;
  readonly iova: number;
  readonly bytes: number;
  /** Physical address of the first byte; null where the event does not say it (coherent memory, lists). */
  readonly physical: number | null;
}

/** One mapping or one list of buffers, as it was made. */
interface Made {
  readonly device: string;
  readonly pieces: readonly AliveMapping[];
  /** What its unmapping will name: the bus address, or the physical addresses of a list. */
  readonly key: string;
}

const single = /: (dma_\w+): (\S+) dir=\S+ dma_addr=(?:0x)?([0-9a-f]+) size=(\d+)(?:.* phys_addr=(?:0x)?([0-9a-f]+))?/;
const list = /: dma_map_sg: (\S+) dir=\S+ .*dma_addrs=\{(.*?)\} sizes=\{(.*?)\} phys_addrs=\{(.*?)\}/;
const unlist = /: dma_unmap_sg: (\S+) dir=\S+ .*phys_addrs=\{(.*?)\}/;

/**
 * @param console text with the trace in it, one event a line, in the order in which they happened
 * @returns mappings in the order in which they were made, and how many releases named nothing that was mapped
 */
export function aliveMappings(console: string): { alive: AliveMapping[]; unmatched: number } {
  const made = new Map<string, Made[]>();
  let unmatched = 0;
  const put = (m: Made) => {
    const same = made.get(m.key);
    if (same === undefined) made.set(m.key, [m]);
    else same.push(m);
  };
  const release = (key: string) => {
    const same = made.get(key);
    if (same?.pop() === undefined) unmatched++;
    else if (same.length === 0) made.delete(key);
  };
  for (const line of console.split("\n")) {
    if (!line.includes(": dma_")) continue;
    const [, device, addresses, sizes, physicals] = list.exec(line) ?? [];
    if (device !== undefined) {
      const lengths = sizes!.split(",");
      const pieces = addresses!.split(",").map((a, n) => {
        return { device, iova: Number.parseInt(a, 16), bytes: Number.parseInt(lengths[n]!, 16), physical: null };
      });
      put({ device, pieces, key: `${device} list ${physicals}` });
      continue;
    }
    const [, unlisted, released] = unlist.exec(line) ?? [];
    if (unlisted !== undefined) {
      release(`${unlisted} list ${released}`);
      continue;
    }
    const [, event, owner, address, size, physical] = single.exec(line) ?? [];
    if (event === undefined || event.endsWith("_err") || event.startsWith("dma_sync")) continue;
    const key = `${owner} ${Number.parseInt(address!, 16)}`;
    if (/^dma_(unmap|free)/.test(event)) release(key);
    else {
      const at = physical === undefined ? null : Number.parseInt(physical, 16);
      const piece = { device: owner!, iova: Number.parseInt(address!, 16), bytes: Number(size), physical: at };
      put({ device: owner!, pieces: [piece], key });
    }
  }
  return { alive: [...made.values()].flat().flatMap((m) => m.pieces), unmatched };
}

/** The 4 KiB frames that mappings cover: `device iova-frame`, with the physical frame where it is known. */
export function aliveFrames(alive: readonly AliveMapping[]): Map<string, number | null> {
  const frames = new Map<string, number | null>();
  for (const { device, iova, bytes, physical } of alive) {
    const first = Math.floor(iova / 4096);
    const last = Math.floor((iova + bytes - 1) / 4096);
    const base = physical === null ? null : Math.floor(physical / 4096);
    for (let f = first; f <= last; f++) frames.set(`${device} ${f}`, base === null ? null : base + (f - first));
  }
  return frames;
}
