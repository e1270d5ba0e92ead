/** Faults that only a log tells, drawn around mappings that held their pages: what is said of them, whole. */
import { expect, test } from "vitest";
import { LogFaults } from "../../../src/audit/recording/log_faults.js";
import { Rng } from "../../../src/base/rng.js";
import type { LogFault } from "../../../src/read/kernel_log/faults/fault.js";

type Held = Parameters<LogFaults["held"]>[1];

const fault = (o: Partial<LogFault>): LogFault => ({
  ...{ unit: "vtd", topic: "access", says: "", xen: false, time: null, driver: null, device: "00:04.0", by: null },
  ...{ stream: null, pasid: null, write: null, interrupt: false, address: null, code: null, flags: null, values: [] },
  ...o,
});

interface Drawn {
  /** How far the recording's clock is ahead, microseconds. */
  readonly ahead: number;
  /** The longest time from an unmapping to its fault. */
  readonly soon: number;
  readonly mappings: number;
  readonly faults: number;
  /** Faults in a hundred that come at any time. */
  readonly stray: number;
  readonly direction?: number;
}

function drawn(d: Drawn, seed: number): LogFaults {
  const rng = new Rng(seed);
  const mappings: (Held & { readonly device: string })[] = [];
  for (let n = 0; n < d.mappings; n++) {
    const from = 100e6 + n * 400_000 + rng.below(100_000);
    mappings.push({
      device: ["0000:00:04.0", "0000:00:05.0"][rng.below(2)]!,
      address: 0xfff00000 + rng.below(6) * 4096 + rng.below(2) * 512,
      size: [1, 512, 4096, 20_000][rng.below(4)]!,
      direction: d.direction ?? rng.below(3),
      coherent: rng.below(6) === 0,
      from,
      to: rng.below(12) === 0 ? Number.POSITIVE_INFINITY : from + 1000 + rng.below(900_000),
      task: ["insmod-7", "", "swapper/0-0"][rng.below(3)]!,
    });
  }
  const faults = Array.from({ length: d.faults }, () => {
    const m = mappings[rng.below(mappings.length)]!;
    const isStray = rng.below(100) < d.stray || m.to === Number.POSITIVE_INFINITY;
    const at = isStray ? m.from + rng.below(3_000_000) : m.to + rng.below(d.soon);
    return fault({
      device: rng.below(2) === 0 ? m.device : m.device.slice(5),
      address: BigInt(m.address + rng.below(2) * 64 + (rng.below(12) === 0 ? 2 ** 20 : 0)),
      time: rng.below(15) === 0 ? null : at - d.ahead,
      write: [true, false, null][rng.below(3)]!,
    });
  });
  faults.push(
    ...[fault({ device: null, time: 105e6 }), fault({ device: null, stream: 0x21, write: true, address: 0x1000n })],
    ...[fault({ device: null, stream: 0x21, by: "9050000.smmuv3" }), fault({ time: 104e6, write: false })],
    fault({ interrupt: true, address: 34n, time: 103e6 }),
  );
  const log = new LogFaults(faults);
  for (const { device, ...held } of mappings) log.held(device, held);
  return log;
}

const base: Drawn = { ahead: 0, soon: 400_000, mappings: 12, faults: 9, stray: 0 };
const rows: readonly (readonly [string, Drawn])[] = [
  ["clocks alike", base],
  ["the recording's is ahead", { ...base, ahead: 7e6 }],
  ["the log's is ahead", { ...base, ahead: -59e6 }],
  ["further apart than one boot", { ...base, ahead: 61e6 }],
  ["very soon", { ...base, soon: 20, ahead: 3e6 }],
  ["not so soon", { ...base, soon: 3_000_000 }],
  ["some at any time", { ...base, stray: 30, faults: 14 }],
  ["most at any time", { ...base, stray: 80, faults: 14, ahead: 1e6 }],
  ["what any access is allowed to", { ...base, direction: 0, ahead: 2e6 }],
  ["what devices write", { ...base, direction: 2, ahead: 2e6 }],
  ["one mapping", { ...base, mappings: 1 }],
  ["many of few pages", { ...base, mappings: 40, faults: 30, stray: 20 }],
];

test.each(rows)("%s", (_name, d) => {
  const told = [1, 2, 3].map((seed) =>
    drawn(d, seed).list((device, page) => device === "0000:00:05.0" && page === 0xfff01),
  );
  const lines = told.flat().map(({ examples, ...row }) => [Object.values(row).join(" "), ...examples].join("\n  "));
  expect(lines.join("\n")).toMatchSnapshot();
});

test("none, and those of which nothing was mapped", () => {
  const none = new LogFaults([]);
  expect([none.any, none.list(() => false)]).toEqual([false, []]);
  const one = new LogFaults([fault({ address: 0x1000n, time: 5 })]);
  one.held("0000:00:09.0", { address: 0x1000, size: 4096, direction: 0, coherent: false, from: 1, to: 2, task: "" });
  one.held("0000:00:04.0", { address: 0x2000, size: 4096, direction: 0, coherent: false, from: 1, to: 2, task: "" });
  one.held("0000:00:04.0", { address: 0xfff, size: 1, direction: 0, coherent: false, from: 1, to: 2, task: "" });
  expect([one.any, one.list(() => false)]).toMatchSnapshot();
  expect(one.list((device, page) => device === "0000:00:04.0" && page === 1)).toEqual([]);
});
