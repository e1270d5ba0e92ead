/** What a replay is given beside its recording: each changes what it is about, and nothing else, in a whole outcome. */
import { expect, test } from "vitest";
import type { Mappings } from "../../../src/lab/replay/contracts/mappings.js";
import { type RecordingOptions, replayRecording } from "../../../src/lab/replay/replay_recording.js";
import { memorySource, openFtraceText } from "../../../src/read/index.js";
import { whole } from "../../whole.js";
import { poolStart, variedKernel } from "../varied_kernel.js";
import { wanderingDomain } from "./wandering_domain.js";

type Source = Awaited<ReturnType<RecordingOptions["open"]>>;

/** A source that says some things of itself otherwise. */
function saying(source: Source, otherwise: Partial<Source>): Source {
  return new Proxy(source, {
    get(of, name) {
      if (name in otherwise) return otherwise[name as keyof Source];
      const value = Reflect.get(of, name, of);
      return typeof value === "function" ? value.bind(of) : value;
    },
  });
}

const text = variedKernel({ seed: 50, calls: 40, slots: 512, areas: 1, cpus: 2 });
const requests = variedKernel({ seed: 51, calls: 40, slots: 512, areas: 1, cpus: 2, only: "swiotlb" });
const log = {
  ...{ kernel: "7.2.0", swiotlb: "512,1,force", cpus: 2, areas: 1, drivers: new Map() },
  pool: { from: poolStart, to: poolStart + 512 * 2048 },
};
const domain = (direct: boolean) => {
  const all = { frames: true, grants: true, calls: true };
  const dumps = { before: true, after: true, pool: true };
  return wanderingDomain({ ...{ seed: 3, direct, calls: 60, forced: true, lost: 0, wrong: 0 }, probes: all, dumps });
};
const unread = (name: string) => [{ name, used: "not read" }];
const lines: string[] = [];
const watcher = (maps: Mappings) => ({
  mapped: (m: number) => void lines.push(`${maps.time[m]} ${maps.orig[m]}`),
  unmapped: (_m: number, time: number) => void lines.push(`end ${time}`),
  released: () => void lines.push("released"),
});
const late: RecordingOptions["adjust"] = (machine) => ({ ...machine, pool: { ...machine.pool!, late: true } });
/** Lines of a log whose clock is half a minute ahead, each a moment after one of the first requests. */
const refusals = [...requests.matchAll(/ (\d+\.\d+): swiotlb_bounced: dev_name: (\S+) .*size=(\d+)/g)]
  .slice(0, 6)
  .map(([, time, device, size]) => {
    return { time: Number(time) * 1e6 + 30e6 + 40, device: device!, size: Number(size), total: 512, used: 500 };
  });
const other = { slots: 256, areas: 2, forced: true };

const rows: readonly (readonly [string, Partial<RecordingOptions>, Partial<Source>?, string?])[] = [
  ["nothing else", {}],
  ["an excerpt", {}, { excerpt: true }],
  ["an excerpt, on another pool", { replacement: () => other }, { excerpt: true }],
  ["events lost", {}, { lost: 3 }],
  ["a clock that counts", {}, { ticks: true }],
  ["a pool that was in use before", { adjust: late }],
  ["on another pool", { replacement: () => other }],
  ["on no pool", { replacement: () => ({ ...other, slots: 0 }) }],
  ["sizes that were asked for", { sizesAsked: true, settings: () => [other, { ...other, slots: 1024 }] }],
  ["files that could not be read", { passedOver: unread("a") }],
  ["requests, and a log whose clock is ahead", { log: { ...log, refusals } }, {}, requests],
  ["requests, by a clock that counts", { log: { ...log, refusals } }, { ticks: true }, requests],
];

async function told(o: Partial<RecordingOptions>, otherwise: Partial<Source>, recording: string): Promise<string> {
  lines.length = 0;
  const done: number[] = [];
  const { outcome } = await replayRecording({
    name: "given",
    open: async () => saying(openFtraceText(memorySource("given", new TextEncoder().encode(recording))), otherwise),
    ...{ log, settings: () => [], replacement: () => null, watcher },
    progress: (share) => {
      done.push(share);
      return undefined;
    },
    ...o,
  });
  const steps = [done.length, Math.min(...done), Math.max(...done)];
  return `${whole(outcome)}\nwatched: ${lines.length} ${lines[0]} ${lines.at(-1)}, done ${steps.join(" ")}`;
}

/** Of text without a header it is not known whether it is all there is. */
const entire = { excerpt: false };
const plain = told({}, entire, text);

for (const [name, o, otherwise = {}, recording = text] of rows) {
  test(name, async () => {
    const parts = (await told(o, { ...entire, ...otherwise }, recording)).split("\n");
    const usual = new Set((await plain).split("\n"));
    expect(parts.filter((part) => name === rows[0]![0] || !usual.has(part)).join("\n")).toMatchSnapshot();
  });
}

test.each([false, true])(
  "a Xen domain on another pool, with files that could not be read; mapped directly: %s",
  async (direct) => {
    const { text: recording, files } = domain(direct);
    const xen = { ...files, passedOver: unread("b") };
    const pool = { from: 0x40000000, to: 0x40080000 };
    const facts = { ...log, pool, swiotlb: "256,2,force", areas: 2, xen: true, xenMode: direct ? "Arm" : "PV" };
    const given = { xen, log: facts, passedOver: unread("a") };
    expect(await told({ ...given, replacement: () => other }, {}, recording)).toMatchSnapshot();
    expect(await told(given, {}, recording)).toMatchSnapshot();
  },
);
