/** Replays for tests: a fixture's recording, or lines of text, to an outcome. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect } from "vitest";
import type { LogFacts } from "../../src/lab/replay/machine/log_facts.js";
import { nearbySettings } from "../../src/lab/replay/other_pools/settings.js";
import type { Setting } from "../../src/lab/replay/other_pools/what_if.js";
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

const recorded = new Map<string, Promise<ReplayOutcome>>();

/** The replay of a fixture, with its log and on pools like its own, or with neither: once for all tests, none of which changes it. */
export function replayOf(recording: string, o: { readonly log: boolean }): Promise<ReplayOutcome> {
  const key = `${recording} ${o.log}`;
  const replay =
    recorded.get(key) ??
    replayed(fixture(`${recording}/trace.txt.gz`), o.log ? { log: logOf(recording) } : { settings: [] });
  recorded.set(key, replay);
  return replay;
}

export async function replayed(
  bytes: Uint8Array | string,
  o: { log?: LogFacts | null; replacement?: Setting | null; settings?: readonly Setting[] } = {},
): Promise<ReplayOutcome> {
  const source = memorySource("recording", typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes);
  const binary = typeof bytes !== "string" && bytes[0] === 0x17;
  const { outcome } = await replayRecording({
    name: "recording",
    open: async () => (binary ? openTraceDat(source) : openFtraceText(source)),
    log: o.log ?? null,
    settings: (m) => o.settings ?? (m.pool === null ? [] : nearbySettings(m.pool)),
    replacement: () => o.replacement ?? null,
  });
  expect(whole(outcome)).toMatchSnapshot();
  return outcome;
}
