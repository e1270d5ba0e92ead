/**
 * A slow, plain reading of ftrace text, one regular expression a line, to hold the readers against. Shares nothing
 * with them but the numbers of the kinds.
 */
import { Context, EventKind } from "../../src/read/event.js";

/** An event as a row. Absent numbers are NaN, absent names "". */
export interface TextRow {
  kind: number;
  time: number;
  cpu: number;
  task: string;
  context: number;
  device: string;
  direction: number;
  attrs: number;
  dma: number;
  phys: number;
  size: number;
  mask: number;
  forced: number;
  listDma: number[];
  listSize: number[];
  listPhys: number[];
  physTotal: number;
}

const { bounced, map, unmap, mapList, unmapList, alloc, free, iommuMap, iommuUnmap, iommuDevice, iommuJoined } =
  EventKind;
const kinds: Record<string, number> = {
  swiotlb_bounced: bounced,
  dma_map_phys: map,
  dma_unmap_phys: unmap,
  dma_map_sg: mapList,
  dma_unmap_sg: unmapList,
  dma_alloc: alloc,
  dma_free: free,
  dma_sync_single_for_cpu: EventKind.syncForCpu,
  map: iommuMap,
  unmap: iommuUnmap,
  add_device_to_group: iommuJoined,
  attach_device_to_domain: iommuDevice,
  cache_tag_assign: EventKind.cacheAssigned,
  cache_tag_flush_range: EventKind.cacheFlushed,
  cache_tag_flush_all: EventKind.cacheFlushed,
  qi_submit: EventKind.descriptor,
};
const caches = ["iotlb", "devtlb", "nesting_iotlb", "nesting_devtlb"];
const contexts: Record<string, number> = {
  ".": Context.task,
  s: Context.softirq,
  h: Context.hardirq,
  H: Context.hardirq,
  z: Context.nmi,
  Z: Context.nmi,
};
const directions = ["BIDIRECTIONAL", "TO_DEVICE", "FROM_DEVICE", "NONE"];
const attrNames: Record<string, number> = {
  WEAK_ORDERING: 2,
  WRITE_COMBINE: 4,
  NO_KERNEL_MAPPING: 16,
  SKIP_CPU_SYNC: 32,
  FORCE_CONTIGUOUS: 64,
  ALLOC_SINGLE_PAGES: 128,
  NO_WARN: 256,
  PRIVILEGED: 512,
  MMIO: 1024,
};

const line = /^ *(.+-\d+) +\[(\d+)\] (.)(.)(.)(.)(.) +(\d+)\.(\d{6}): (\w+): (.*)$/;

export function textRows(text: string): TextRow[] {
  const rows: TextRow[] = [];
  for (const each of text.split("\n")) {
    if (each === "" || each.startsWith("#")) continue;
    const m = line.exec(each);
    if (m === null) throw new Error(`not an event: ${each}`);
    rows.push(row(m[10]!, m[11]!, Number(m[8]) * 1e6 + Number(m[9]), Number(m[2]), m[1]!, contexts[m[5]!]!));
  }
  return rows;
}

function row(name: string, body: string, time: number, cpu: number, task: string, context: number): TextRow {
  const kind = kinds[name] ?? EventKind.other;
  const nothing = { device: "", direction: 255, attrs: 0, dma: NaN, phys: NaN, size: NaN, mask: NaN, forced: 0 };
  const lists = { listDma: [], listSize: [], listPhys: [], physTotal: 0 };
  const common = { kind, time, cpu, task, context, ...nothing, ...lists };
  if (kind === EventKind.other) return common;
  if (name.startsWith("cache_tag_")) {
    const [, cache, did] = /^\S+[/ ][\w:.]+(?:\[\d+\])? type (\w+) did (\d+) /.exec(body)!;
    const range = /\[0x(\w+)-0x(\w+)\]/.exec(body)?.slice(1) ?? ["", ""];
    const [dma, phys] = range.map((v) => (v === "" ? NaN : v === "f".repeat(16) ? -1 : Number(`0x${v}`)));
    const users = Number(/ ref (\d+)$/.exec(body)?.[1] ?? 0);
    const pasid = kind === EventKind.cacheFlushed ? phys! : Number(/ pasid (\d+) /.exec(body)?.[1] ?? NaN);
    return { ...common, attrs: users, size: Number(did), mask: caches.indexOf(cache!), dma: dma!, phys: pasid };
  }
  if (name === "qi_submit") {
    const [first, second] = [...body.matchAll(/ 0x(\w+)/g)].map(([, digits]) => BigInt(`0x${digits}`));
    const [low, high] = [(q: bigint) => Number(q & 0xffff_ffffn), (q: bigint) => Number(q >> 32n)];
    return { ...common, attrs: low(first!), size: high(first!), phys: low(second!), mask: high(second!) };
  }
  const hex = (key: string) => {
    const found = new RegExp(`\\b${key}=(?:0x)?([0-9a-f]+)`).exec(body)?.[1];
    if (found === undefined) return NaN;
    return found === "ffffffffffffffff" && key !== "dma_mask" ? -1 : Number(`0x${found}`);
  };
  const list = (key: string) =>
    (new RegExp(`\\b${key}=\\{([^}]*)\\}`).exec(body)?.[1] ?? "")
      .split(",")
      .filter((v) => v !== "")
      .map(Number);
  const dir = /\bdir=(\w+)/.exec(body)?.[1];
  const total = Number(/nents=\d+\/(\d+)/.exec(body)?.[1] ?? 0);
  const listPhys = list("phys_addrs");
  return {
    ...common,
    device:
      /^IOMMU:.*device=(\S+)/.exec(body)?.[1] ??
      /^(?:dev_name: )?(\w+:\S+|\S+) (?:dir|dma_mask)=/.exec(body)?.[1] ??
      "",
    direction: dir === undefined ? 255 : directions.indexOf(dir),
    attrs: (/\battrs=(\S*)/.exec(body)?.[1] ?? "").split("|").reduce((sum, a) => sum + (attrNames[a] ?? 0), 0),
    dma: [hex("dma_addr"), hex("dev_addr"), hex("iova")].find((v) => !Number.isNaN(v)) ?? NaN,
    phys: [hex("phys_addr"), hex("paddr")].find((v) => !Number.isNaN(v)) ?? NaN,
    size: Number(/\bsize=(\d+)/.exec(body)?.[1] ?? NaN),
    mask: hex("dma_mask"),
    forced: / FORCE$/.test(body) ? 1 : 0,
    listDma: list("dma_addrs"),
    listSize: list("sizes"),
    listPhys,
    physTotal: total,
  };
}
