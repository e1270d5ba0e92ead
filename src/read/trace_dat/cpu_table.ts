/** Checks where the file says the pages of each CPU are. */
import type { Warnings } from "../unreadable.js";
import type { Cursor } from "./cursor.js";
import type { CpuData } from "./recording.js";

/** The most a kernel can be built for (CONFIG_NR_CPUS of x86-64). */
export const mostCpus = 8192;
/** All pages that are held at one time, one for each CPU. */
const mostHeldBytes = 1 << 30;

/**
 * @returns the CPUs that have pages, cut to what the file holds.
 * @throws Unreadable when the table cannot be that of a recording: memory and time stay bounded by the file's length.
 */
export function checkedCpus(
  c: Cursor,
  cpus: readonly CpuData[],
  pageBytes: number,
  warnings: Warnings,
): readonly CpuData[] {
  const kept: CpuData[] = [];
  const seen = new Set<number>();
  let total = 0;
  for (const { cpu, offset, size } of cpus) {
    if (size === 0) continue;
    const there = Math.max(0, Math.min(size, c.end - offset));
    if (there < size) {
      const found = there === 0 ? "the end of the file before them" : `${there} and the end of the file`;
      warnings.hole(c.where(offset), `expected ${size} bytes of CPU ${cpu}, found ${found}: it is cut off or damaged`);
    }
    if (there === 0) continue;
    if (cpu >= 65535 || seen.has(cpu)) throw c.wrong("each CPU once", `CPU ${cpu} again or out of range`);
    seen.add(cpu);
    total += there;
    kept.push({ cpu, offset, size: there });
  }
  if (kept.length > mostCpus || kept.length * pageBytes > mostHeldBytes) {
    throw c.wrong(`at most ${mostCpus} CPUs`, `${kept.length} with sub-buffers of ${pageBytes} bytes`);
  }
  if (total > c.end) throw c.wrong("pages that lie apart", `${total} bytes of them in a file of ${c.end}`);
  return kept.sort((a, b) => a.cpu - b.cpu);
}
