/** Replays for tests: a fixture's recording, or lines of text, to an outcome. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect } from "vitest";
import type { LogFacts } from "../../src/lab/replay/machine/log_facts.js";
import type { Setting } from "../../src/lab/replay/other_pools/setting.js";
import { nearbySettings } from "../../src/lab/replay/other_pools/settings.js";
import { replayRecording } from "../../src/lab/replay/replay_recording.js";
import type { ReplayOutcome } from "../../src/lab/replay/told/outcome.js";
import { memorySource, openFtraceText, openTraceDat, readKernelLog } from "../../src/read/index.js";
import { whole } from "../whole.js";

export function fixture(path: string): Uint8Array {
  const bytes = readFileSync(`fixtures/${path}`);
  return path.endsWith(".gz") ? gunzipSync(bytes) : bytes;
}

export function logOf(recording: string): LogFacts {
  return readKernelLog(memorySource("dmesg", fixture(`${recording}/dmesg.txt.gz`)));
}

interface Given {
  readonly log?: LogFacts | null;
  readonly replacement?: Setting | null;
  readonly settings?: readonly Setting[];
}

/** The outcome is also compared whole with the one that was written down. */
export async function replayed(bytes: Uint8Array | string, given: Given = {}): Promise<ReplayOutcome> {
  const outcome = await outcomeOf(bytes, given);
  expect(whole(outcome)).toMatchSnapshot();
  return outcome;
}

const recorded = new Map<string, Promise<ReplayOutcome>>();

/** The same of a fixture, with its log or without, replayed once for all tests: none changes what it is given. */
export async function replayOf(recording: string, o: { readonly log: boolean }): Promise<ReplayOutcome> {
  const key = `${recording} ${o.log}`;
  const replay =
    recorded.get(key) ?? outcomeOf(fixture(`${recording}/trace.txt.gz`), { log: o.log ? logOf(recording) : null });
  recorded.set(key, replay);
  const outcome = await replay;
  expect(whole(outcome)).toMatchSnapshot();
  return outcome;
}

async function outcomeOf(bytes: Uint8Array | string, o: Given): Promise<ReplayOutcome> {
  const source = memorySource("recording", typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes);
  const binary = typeof bytes !== "string" && bytes[0] === 0x17;
  let foreignBus = false;
  const { outcome } = await replayRecording({
    name: "recording",
    onBatch: (_batch, about) => (foreignBus = about.foreignBus),
    open: async () => (binary ? openTraceDat(source) : openFtraceText(source)),
    log: o.log ?? null,
    settings: (m) => o.settings ?? (m.pool === null ? [] : nearbySettings(m.pool)),
    replacement: () => o.replacement ?? null,
  });
  expect(foreignBus).toBe(outcome.xen !== null);
  return outcome;
}
