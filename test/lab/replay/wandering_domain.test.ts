/** Random recordings of Xen domains, with more and with less to go by: what must hold of each, and each compared whole. */
import { expect, test } from "vitest";
import type { LogFacts } from "../../../src/lab/replay/machine/log_facts.js";
import { nearbySettings } from "../../../src/lab/replay/other_pools/settings.js";
import { replayRecording } from "../../../src/lab/replay/replay_recording.js";
import { memorySource, openFtraceText } from "../../../src/read/index.js";
import { whole } from "../../whole.js";
import { type Habits, wanderingDomain } from "./wandering_domain.js";

const all = { frames: true, grants: true, calls: true };
const none = { frames: false, grants: false, calls: false };
const dumped = { before: true, after: true, pool: true };
const undumped = { before: false, after: false, pool: false };
const usual = { calls: 160, forced: false, lost: 0, wrong: 0, probes: all, dumps: dumped };
type Kind = Omit<Habits, "seed" | "direct">;

const kinds: readonly (readonly [what: string, habits: Kind])[] = [
  ["all there is", usual],
  ["a forced pool", { ...usual, calls: 300, forced: true }],
  ["a kernel that errs", { ...usual, wrong: 150 }],
  ["events lost", { ...usual, lost: 30, wrong: 30 }],
  ["no probes", { ...usual, probes: none }],
  ["grants without changes of the map", { ...usual, wrong: 60, probes: { ...all, frames: false } }],
  ["changes of the map without grants", { ...usual, wrong: 60, probes: { ...all, grants: false } }],
  ["no dumps", { ...usual, dumps: undumped }],
  ["dumps of after only", { ...usual, wrong: 30, dumps: { before: false, after: true, pool: false } }],
  ["much is wrong, and much is lost", { ...usual, calls: 220, lost: 60, wrong: 300 }],
  ["a forced pool, of a kernel that errs", { ...usual, calls: 220, forced: true, wrong: 200 }],
  ["calls of the DMA layer, and nothing else", { ...usual, wrong: 60, probes: { ...none, calls: true } }],
  ["no calls of the DMA layer, no dumps", { ...usual, wrong: 60, probes: { ...all, calls: false }, dumps: undumped }],
  ["neither probes nor dumps", { ...usual, lost: 20, probes: none, dumps: undumped }],
  ["no dump of the pool", { ...usual, dumps: { before: true, after: false, pool: false } }],
];

/** Whether all that a replay predicts must come true. */
const isSound = ({ wrong, lost, dumps }: Kind) => wrong === 0 && lost === 0 && dumps.before;

const log = (direct: boolean, forced: boolean): LogFacts => ({
  ...{ kernel: "7.2.13", architecture: direct ? "aarch64" : "x86_64", xen: true, xenMode: direct ? "Arm" : "PV" },
  ...{ swiotlb: forced ? "256,2,force" : "", cpus: 2, areas: 2, drivers: new Map() },
  pool: { from: 0x40000000, to: 0x40080000 },
});

async function replayed(habits: Habits) {
  const { text, files } = wanderingDomain(habits);
  const { outcome } = await replayRecording({
    name: "wandering",
    onBatch: (_batch, about) => expect(about.foreignBus).toBe(true),
    open: async () => openFtraceText(memorySource("wandering", new TextEncoder().encode(text))),
    log: log(habits.direct, habits.forced),
    xen: files,
    settings: (m) => (m.pool === null ? [] : nearbySettings(m.pool).slice(0, 2)),
    replacement: () => null,
  });
  const { xen, ...rest } = outcome;
  expect(whole({ ...rest, ...xen })).toMatchSnapshot();
  return { ...rest, xen: xen! };
}

for (const direct of [false, true]) {
  test.each(kinds)(`${direct ? "directly mapped" : "paravirtualised"}: %s`, async (_what, kind) => {
    const { maps, exact, xen, pool, devices } = await replayed({ ...kind, direct, seed: 1 });
    const { direct: own, bounced, translated, foreign, failed, unknown } = maps;
    expect(maps.total).toBe(own + bounced + translated + foreign + failed + unknown);
    expect(devices.reduce((sum, d) => sum + d.maps, 0)).toBe(maps.total - unknown);
    const { addresses, grants } = xen;
    for (const { compared, equal } of [exact, exact.refusals, exact.decisions, addresses, xen.originals]) {
      expect(equal).toBeLessThanOrEqual(compared);
      if (isSound(kind)) expect(equal).toBe(compared);
    }
    expect(grants.mapped + grants.aliveBefore).toBeGreaterThanOrEqual(grants.aliveAtEnd);
    if (pool !== null) expect(pool.used).toBeLessThanOrEqual(pool.hiwater);
  });
}
