/** The dumps that lie beside the recording of a wandering domain. */
import type { Dated, XenFiles } from "../../../src/lab/replay/xen/xen_files.js";
import { memorySource } from "../../../src/read/index.js";
import { readGuestP2m } from "../../../src/read/xen/guest_p2m_file.js";
import { readM2p } from "../../../src/read/xen/m2p_file.js";
import { readP2m } from "../../../src/read/xen/p2m_file.js";
import { readPoolFile } from "../../../src/read/xen/pool_file.js";
import type { Pool } from "../../../src/sw/swiotlb/index.js";

export type Dumps = Pick<XenFiles, "p2m" | "m2p" | "pool">;

export const page = 4096;
/** Own pages, and the pool: frames of the domain. */
export const ownAt = 0x1000;
export const poolAt = 0x40000;
export const poolSlots = 256;

const hex = (n: number) => n.toString(16);
const source = (name: string, text: string) => memorySource(name, new TextEncoder().encode(text));

interface Moment {
  readonly when: "before" | "later";
  readonly direct: boolean;
  readonly forced: boolean;
  /** Frames of others, by the domain's pages. */
  readonly foreign: ReadonlyMap<number, number>;
  readonly frame: (pfn: number) => number;
}

const dated = <T>({ when }: Moment, name: string, table: T): Dated<T> => ({ name: `${name}-${when}`, when, table });

/** What stands behind each page, and the other way round. */
export function dumpsOfPages(o: Moment): Omit<Dumps, "pool"> {
  const { when, direct, foreign, frame } = o;
  const runs: string[] = [];
  const owners: string[] = [];
  const say = (pfn: number, kind: string) => {
    runs.push(`${hex(pfn)} 1 ${kind} ${hex(frame(pfn))} v`);
    owners.push(`${hex(frame(pfn))} 1 P ${hex(kind === "F" ? pfn ^ 0x51003 : pfn)}`);
  };
  if (!direct) {
    for (let k = 0; k < 48; k++) say(ownAt + k, "L");
    for (let k = 0; k < poolSlots / 2; k++) say(poolAt + k, "L");
  }
  const seen = new Set<number>();
  for (const [pfn, mfn] of [...foreign].sort(([a], [b]) => a - b)) {
    if (seen.has(mfn) || (!direct && mfn < 0x60000)) runs.push(`${hex(pfn)} 1 F ${hex(mfn)} v`);
    else say(pfn, "F");
    seen.add(mfn);
  }
  const remark = direct ? "# max_pfn=0xa0000 hypercall_cflush=1 direct_mapped=1 not_direct_mapped=0\n" : "";
  return {
    p2m: [dated(o, "p2m", readP2m(source(`p2m-${when}`, `${remark}${runs.join("\n")}\n`)))],
    m2p: direct ? [] : [dated(o, "m2p", readM2p(source(`m2p-${when}`, `${owners.join("\n")}\n`)))],
  };
}

export function dumpOfPool(o: Moment, pool: Pool) {
  const start = poolAt * page;
  const head = `# nslabs=${poolSlots} force_bounce=${o.forced ? 1 : 0} used_hiwater=${pool.hiwater}\n`;
  const bounds = `# pool start=${hex(start)} end=${hex(start + poolSlots * 2048)} nareas=2\n`;
  const areas = [0, 1].map((a) => `area ${a} used=0 index=${pool.areaIndex(a)}\n`).join("");
  const half = poolSlots / 4;
  const sets = [0, 1].map((k) => poolAt + k * half);
  const frames = sets.map((pfn) => `frames pfn=${hex(pfn)} n=${hex(half)} mfn=${hex(o.frame(pfn))}\n`);
  return dated(o, "pool", readPoolFile(source(`pool-${o.when}`, head + bounds + areas + frames.join(""))));
}

/** A guest that has all these frames, at numbers of its own. */
export function guestOf(frames: readonly number[]) {
  const lines = frames.map((mfn, k) => `(XEN) pfn=0x${hex(0x40000 + 7 * k)} ==> mfn=0x${hex(mfn)} (type 0x0)`);
  return readGuestP2m(source("guest", `(XEN) Dumping P2M for domain 3\n${lines.join("\n")}\n`));
}
