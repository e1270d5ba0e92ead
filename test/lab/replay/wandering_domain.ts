/**
 * A Xen domain of the test's own, whose drivers map, unmap, synchronise and take grants at random: its recording with
 * whatever probes it was told to have, and the dumps of before and after. Now and then it does what no kernel should.
 */
import { Rng } from "../../../src/base/rng.js";
import type { XenFiles } from "../../../src/lab/replay/xen/xen_files.js";
import { Pool } from "../../../src/sw/swiotlb/index.js";
import { type Dumps, dumpOfPool, dumpsOfPages, guestOf, ownAt, page, poolAt, poolSlots } from "./wandering_dumps.js";

export interface Habits {
  readonly seed: number;
  readonly direct: boolean;
  readonly forced: boolean;
  readonly calls: number;
  /** Probes that the recording has: changes of the page map, operations of grants, calls of the DMA layer. */
  readonly probes: { readonly frames: boolean; readonly grants: boolean; readonly calls: boolean };
  readonly dumps: { readonly before: boolean; readonly after: boolean; readonly pool: boolean };
  /** Of a thousand calls, those at which events are lost, and those at which the kernel errs. */
  readonly lost: number;
  readonly wrong: number;
}

interface Held {
  readonly bus: number;
  readonly phys: number;
  readonly size: number;
  readonly device: string;
  /** Offset in the pool, NaN for what did not bounce. */
  readonly offset: number;
}

const hex = (n: number) => n.toString(16);
const list = (values: readonly number[]) => `{${values.map((v) => `0x${hex(v)}`).join(",")}}`;

/** Pages for grants. */
const grantAt = 0x50000;
/** Frames of others; the first two have the numbers of pages that a domain has whose own are numbered anew. */
const foreignFrames = [0x1008, 0x40003, 0x70000, 0x70001, 0x70002, 0x160000, 0x160001, 0x170005, 0x50001];

export function wanderingDomain(habits: Habits): { readonly text: string; readonly files: XenFiles } {
  const domain = new WanderingDomain(habits);
  const before = domain.dumps("before", habits.dumps.before, habits.dumps.pool);
  for (let n = 0; n < habits.calls; n++) domain.call();
  const after = domain.dumps("later", habits.dumps.after, habits.dumps.after);
  const files: XenFiles = {
    p2m: [...before.p2m, ...after.p2m],
    m2p: [...before.m2p, ...after.m2p],
    pool: [...before.pool, ...after.pool],
    guests: habits.dumps.after ? [guestOf(foreignFrames)] : [],
    passedOver: [],
  };
  return { text: `# tracer: nop\n#\n${domain.lines.join("\n")}\n`, files };
}

class WanderingDomain {
  readonly lines: string[] = [];
  readonly #o: Habits;
  readonly #rng: Rng;
  readonly #pool = new Pool({ start: poolAt * page, slots: poolSlots, areas: 2 });
  readonly #foreign = new Map<number, number>();
  /** Single mappings, and lists. */
  readonly #held: Held[][] = [];
  #time = 1_000_000;

  constructor(o: Habits) {
    this.#o = o;
    this.#rng = new Rng(o.seed);
    for (const k of [0, 1, 5]) this.#foreign.set(grantAt + k, this.#anyForeign());
  }

  call(): void {
    const { lost, wrong } = this.#o;
    this.#time += 1 + this.#rng.below(200);
    if (this.#rng.below(1000) < lost) this.lines.push(`CPU:${this.#rng.below(2)} [LOST 3 EVENTS]`);
    const isWrong = this.#rng.below(1000) < wrong;
    const what = this.#rng.below(12);
    if (what < 4) this.#map(isWrong);
    else if (what < 5) this.#mapList(isWrong);
    else if (what < 8) this.#unmap(isWrong);
    else if (what < 9) this.#sync();
    else if (what < 11) this.#grant(isWrong);
    else this.#ungrant();
  }

  /** The bus frame of one of the domain's pages. The domain's own lie in runs of eight on the machine. */
  #frame(pfn: number): number {
    const foreign = this.#foreign.get(pfn);
    if (foreign !== undefined) return foreign;
    if (this.#o.direct) return pfn;
    if (pfn >= poolAt && pfn < poolAt + poolSlots / 2) return 0x300 + ((pfn - poolAt) ^ 64);
    return (pfn & 16) === 0 ? 0x9000 + (pfn ^ 8) : 0x150000 + pfn;
  }

  #say(text: string, cpu: number): void {
    const time = (this.#time++ / 1e6).toFixed(6);
    this.lines.push(`          disk-${7 + cpu}   [00${cpu}] .....  ${time}: ${text}`);
  }

  /** One probe of a call of the DMA layer, where the recording has them. */
  #probe(text: string, cpu: number): void {
    if (this.#o.probes.calls) this.#say(text, cpu);
  }

  #anyPage(): number {
    const own = this.#foreign.size === 0 || this.#rng.below(2) === 0;
    if (own) return ownAt + this.#rng.below(40);
    return [...this.#foreign.keys()][this.#rng.below(this.#foreign.size)]!;
  }

  #anyForeign(): number {
    const skipped = this.#o.direct ? 2 : 0;
    return foreignFrames[skipped + this.#rng.below(foreignFrames.length - skipped)]!;
  }

  #anyDevice(): string {
    return ["0000:00:02.0", "0000:00:03.0"][this.#rng.below(2)]!;
  }

  /** A search of the pool, with its events. @returns the offset, negative for none */
  #search(o: { bus: number; phys: number; size: number; device: string; cpu: number }): number {
    const { bus, phys, size, device, cpu } = o;
    const how = this.#o.forced ? "FORCE" : "NORMAL";
    this.#say(`swiotlb_bounced: dev_name: ${device} dma_mask=ffffffff dev_addr=${hex(bus)} size=${size} ${how}`, cpu);
    this.#probe(`tbl_map: (f+0x4/0x100) phys=0x${hex(phys)} size=${size} align=0x0 dir=2`, cpu);
    const offset = this.#pool.map(cpu, 0, phys, size, 0, 0, 0);
    this.#probe(`tbl_map_ret: (f+0x4/0x100 <- g) tlb=0x${offset < 0 ? gone : hex(poolAt * page + offset)}`, cpu);
    return offset;
  }

  #busOf(offset: number): number {
    const at = poolAt * page + offset;
    return this.#frame(Math.floor(at / page)) * page + (at % page);
  }

  #bounces(phys: number, size: number): boolean {
    const first = Math.floor(phys / page);
    const last = Math.floor((phys + size - 1) / page);
    for (let pfn = first; pfn < last; pfn++) if (this.#frame(pfn + 1) !== this.#frame(pfn) + 1) return true;
    return this.#o.forced || this.#frame(last) >= 2 ** 20;
  }

  #map(isWrong: boolean): void {
    const { direct } = this.#o;
    const cpu = this.#rng.below(2);
    const device = this.#anyDevice();
    const inside = 512 * this.#rng.below(8);
    const phys = this.#anyPage() * page + inside;
    const size = [64, 512, page, 2 * page, 200_000][this.#rng.below(this.#o.forced ? 5 : 4)]!;
    const bus = this.#frame(Math.floor(phys / page)) * page + inside;
    const dir = ["TO_DEVICE", "FROM_DEVICE", "BIDIRECTIONAL"][this.#rng.below(3)]!;
    this.#probe(`xs_map: (f+0x4/0x680) dev="${device}" phys=0x${hex(phys)} size=${size} dir=2 attrs=0x0`, cpu);
    let address = isWrong ? bus + page : bus;
    let offset = Number.NaN;
    if (this.#bounces(phys, size)) {
      offset = this.#search({ bus, phys, size, device, cpu });
      address = offset < 0 ? -1 : this.#busOf(offset) + (isWrong ? page : 0);
    } else if (direct) this.#probe(`arch_sync_dev: (f+0x4/0x50) phys=0x${hex(phys)} size=${size} dir=2`, cpu);
    const shown = address < 0 ? gone : hex(address);
    this.#probe(`xs_map_ret: (f+0xb4/0x180 <- g) dma=0x${shown}`, cpu);
    const about = `dir=${dir} dma_addr=${shown} size=${size} phys_addr=${hex(phys)} attrs=`;
    this.#say(`dma_map_phys: ${device} ${about}`, cpu);
    if (address >= 0) this.#held.push([{ bus: address, phys, size, device, offset }]);
  }

  #mapList(isWrong: boolean): void {
    const cpu = this.#rng.below(2);
    const device = this.#anyDevice();
    const count = 2 + this.#rng.below(2);
    const entries: Held[] = [];
    for (let k = 0; k < count; k++) {
      const phys = this.#anyPage() * page;
      const bus = this.#frame(phys / page) * page;
      if (!this.#bounces(phys, page)) {
        entries.push({ bus, phys, size: page, device, offset: Number.NaN });
        continue;
      }
      const offset = this.#search({ bus, phys, size: page, device, cpu });
      if (offset < 0) break;
      entries.push({ bus: this.#busOf(offset), phys, size: page, device, offset });
    }
    if (entries.length < count || isWrong) {
      for (const { offset } of entries) if (offset >= 0) this.#pool.unmap(offset, 0);
      return;
    }
    const dma = list(entries.map((e) => e.bus));
    const phys = list(entries.map((e) => e.phys));
    const about = `nents=${count}/${count} ents=${count}/${count} dma_addrs=${dma} sizes=${list(entries.map(() => page))}`;
    this.#say(`dma_map_sg: ${device} dir=TO_DEVICE ${about} phys_addrs=${phys} attrs=`, cpu);
    this.#held.push(entries);
  }

  #unmap(isWrong: boolean): void {
    if (this.#held.length === 0) return;
    const cpu = this.#rng.below(2);
    const at = this.#rng.below(this.#held.length);
    const entries = this.#held.splice(at, 1)[0]!;
    for (const h of entries) {
      if (!isWrong) this.#probe(`xs_unmap: (f+0x4/0x2a0) dma=0x${hex(h.bus)} size=${h.size} dir=${1 + (at % 2)}`, cpu);
      this.#care("cpu", h, 1 + (at % 2), cpu);
      if (!(h.offset >= 0)) continue;
      this.#probe(`tbl_unmap: (f+0x4/0x100) tlb=0x${hex(poolAt * page + h.offset)} size=${h.size}`, cpu);
      this.#pool.unmap(h.offset, 0);
    }
    const { bus, size, device } = entries[0]!;
    const phys = list(entries.map((e) => e.phys));
    if (entries.length > 1) this.#say(`dma_unmap_sg: ${device} dir=TO_DEVICE phys_addrs=${phys} attrs=`, cpu);
    else this.#say(`dma_unmap_phys: ${device} dir=FROM_DEVICE dma_addr=${hex(bus)} size=${size} attrs=`, cpu);
  }

  #sync(): void {
    const h = this.#held[this.#rng.below(Math.max(1, this.#held.length))]?.[0];
    if (h === undefined) return;
    const cpu = this.#rng.below(2);
    const who = ["cpu", "dev"][this.#rng.below(2)]!;
    this.#probe(`xs_sync_${who}: (f+0x4/0x2a0) dma=0x${hex(h.bus)} size=${h.size} dir=2`, cpu);
    this.#care(who, h, 2, cpu);
  }

  /** What is done for the cache around a DMA, on a machine whose devices do not see it. */
  #care(who: string, { bus, phys, size, offset }: Held, dir: number, cpu: number): void {
    if (!this.#o.direct) return;
    const how = this.#rng.below(4);
    const at = offset >= 0 ? poolAt * page + offset : how === 0 ? phys : bus;
    if (how < 3) {
      this.#probe(`arch_sync_${who}: (f+0x4/0x50) phys=0x${hex(at)} size=${size} dir=${dir}`, cpu);
      return;
    }
    this.#probe(`xdma_sync_${who}: (f+0x4/0x50) handle=0x${hex(bus)} size=${size} dir=${dir}`, cpu);
    this.#probe(`cflush: (f+0x4/0x50) bus=0x${hex(bus)} off=0 len=${size} op=${this.#rng.below(4)}`, cpu);
    this.#probe(`cflush_ret: (f+0x4/0x50 <- g) ret=${this.#rng.below(3) === 0 ? -22 : 0}`, cpu);
  }

  #grant(isWrong: boolean): void {
    const cpu = this.#rng.below(2);
    const free = Array.from({ length: 12 }, (_, k) => grantAt + k).filter((pfn) => !this.#foreign.has(pfn));
    const pfns = free.slice(0, 1 + this.#rng.below(3));
    if (pfns.length === 0) return;
    const operations = pfns.map((pfn, k) => {
      const status = this.#rng.below(8) === 0 ? -13 : 0;
      const mfn = this.#anyForeign();
      if (status === 0) this.#foreign.set(pfn, mfn);
      const place = this.#o.direct ? `va${k}=0x${hex(pfn * page)} ` : "";
      return {
        pfn,
        mfn,
        status,
        text: `${place}st${k}=${status} dom${k}=${1 + k} ref${k}=${9 + k} bus${k}=0x${hex(mfn * page)}`,
      };
    });
    // A batch of more than the probe has room for, or pages without their operations.
    const count = isWrong ? pfns.length + 2 : pfns.length;
    const text = operations.map((o) => o.text).join(" ");
    if (this.#o.probes.grants && !(isWrong && cpu === 1))
      this.#say(`setforeign_ops: (f+0x4/0x310) count=${count} ${text}`, cpu);
    if (this.#o.probes.frames) {
      for (const { pfn, mfn, status } of operations) {
        if (status === 0 && this.#o.direct)
          this.#say(`set_p2m: (f+0x4/0x1c0) pfn=0x${hex(pfn)} mfn=0x${hex(mfn)} n=1`, cpu);
      }
    }
    this.#pages("setforeign_pages", count, pfns, cpu);
  }

  #ungrant(): void {
    const pfns = [...this.#foreign.keys()].slice(0, 1 + this.#rng.below(2));
    if (pfns.length === 0) return;
    const cpu = this.#rng.below(2);
    for (const pfn of pfns) this.#foreign.delete(pfn);
    const places = pfns.map((pfn, k) => `va${k}=0x${hex(pfn * page)}`).join(" ");
    if (this.#o.probes.grants && this.#o.direct)
      this.#say(`clrforeign_ops: (f+0x4/0x98) count=${pfns.length} ${places}`, cpu);
    if (this.#o.probes.frames && this.#o.direct) {
      for (const pfn of pfns) this.#say(`set_p2m: (f+0x4/0x1c0) pfn=0x${hex(pfn)} mfn=0x${gone} n=1`, cpu);
    }
    this.#pages("clrforeign_pages", pfns.length, pfns, cpu);
  }

  #pages(name: string, count: number, pfns: readonly number[], cpu: number): void {
    if (!this.#o.probes.grants || this.#o.direct) return;
    const shown = pfns.map((pfn, k) => `pg${k}=0x${(0xffffea0000000000n + BigInt(pfn) * 64n).toString(16)}`);
    this.#say(`${name}: (f+0x4/0x310) count=${count} ${shown.join(" ")}`, cpu);
  }

  dumps(when: "before" | "later", pages: boolean, pool: boolean): Dumps {
    const { direct, forced } = this.#o;
    const frame = (pfn: number) => this.#frame(pfn);
    const o = { when, direct, forced, foreign: this.#foreign, frame };
    return { ...(pages ? dumpsOfPages(o) : noPages), pool: pool ? [dumpOfPool(o, this.#pool)] : [] };
  }
}

const noPages = { p2m: [], m2p: [] };
const gone = "ffffffffffffffff";
