/** The reverse question: how many addresses a second can be asked who reaches them. */
import { ReverseIndex } from "../src/audit/inspect/facts/reverse_index.js";
import { Rng } from "../src/base/rng.js";
import { Ranges } from "../src/table/ranges.js";
import type { Row } from "./row.js";

const page = 4096;

export async function bench(o: { smoke: boolean }): Promise<Row[]> {
  const perDevice = o.smoke ? 1000 : 31_250;
  const lookUps = o.smoke ? 10_000 : 2_000_000;
  const rng = new Rng(7);
  const memoryPages = 2 ** 24;
  const devices = Array.from({ length: 32 }, () => {
    const ranges = new Ranges();
    for (let i = 0; i < perDevice; i++) {
      const pages = 1 + rng.below(rng.below(50) === 0 ? 512 : 16);
      ranges.push(i * 2 ** 24, rng.below(memoryPages - pages) * page, pages * page, 3);
    }
    return { state: "translated", ranges, allow: 3 } as const;
  });
  const begin = performance.now();
  const index = new ReverseIndex(devices);
  const built = performance.now() - begin;
  const asked = Float64Array.from({ length: lookUps }, () => rng.below(memoryPages) * page);
  const rows = new Int32Array(1024);
  let hits = 0;
  const from = performance.now();
  for (const paddr of asked) hits += index.rowsAt(paddr, rows);
  const seconds = (performance.now() - from) / 1000;
  const millions = (n: number) => `${(n / 1e6).toFixed(n < 1e7 ? 2 : 0)} M`;
  return [
    {
      what: `who reaches an address: ${index.count} ranges of 32 devices`,
      measured: `${millions(lookUps / seconds)}/s`,
      target: ">= 1 M/s",
      note: `${(hits / lookUps).toFixed(1)} ways each; built in ${(built / 1000).toFixed(2)} s`,
    },
  ];
}
