/** Recordings that show less than all: what they show is told, and nothing is made of what they leave out. */
import { expect, test } from "vitest";
import { replayFile } from "../../../src/cli/run/replay_file.js";
import { verdictOf } from "../../../src/report/recording/words/verdict.js";
import { quiet } from "../../cli/called.js";

/** Name, tone, headline, mappings of which it is not known what became. */
const rows = [
  ["retried", "trouble", "153 lists of buffers were refused (always the same one).", 76],
  ["one-cpu-stops", "fine", /mappings worked, all of them bounced; what became of 4 more is not recorded/, 4],
  ["filtered", "unknown", "827 mappings worked, all of them bounced; what became of 95 more is not recorded.", 95],
  ["only-dma", "fine", "All 2,566 mappings worked, all of them bounced.", 0],
  ["only-dma-vtd", "fine", "All 2,808 mappings worked, all of them translated.", 0],
  ["used-after-unmap", "trouble", "3 accesses of devices were refused by an IOMMU, as the log says.", 0],
] as const;

const replays = new Map<string, ReturnType<typeof replayFile>>();

/** The replay of a recording, once; nobody changes it. */
function replayOf(name: string): ReturnType<typeof replayFile> {
  const replay = replays.get(name) ?? replayFile(`fixtures/narrowed-7.2/${name}.trace.txt.gz`, {}, quiet());
  replays.set(name, replay);
  return replay;
}

test.each(rows)("%s", async (name, tone, headline, unknown) => {
  const report = await replayOf(name);
  const verdict = verdictOf(report);
  expect(verdict).toMatchObject({ tone, headline: expect.stringMatching(asPattern(headline)) });
  expect(report.outcome.maps.unknown).toBe(unknown);
  expect(report.audit).toMatchObject({ violationTotals: [], leaks: [] });
});

const asPattern = (text: string | RegExp) =>
  typeof text === "string" ? new RegExp(`^${text.replaceAll(/[.()]/g, "\\$&")}$`) : text;

test("bounces are told by their addresses where no IOMMU was found, and the kernel's places are predicted", async () => {
  const { outcome } = await replayOf("only-dma");
  expect(outcome.exact).toMatchObject({ compared: 2566, equal: 2566 });
  expect(outcome.machine.swiotlb).toMatchObject({ slots: 32768, forced: true });
});

test("the attempts of a list, from when to when", async () => {
  const { outcome } = await replayOf("retried");
  const device = outcome.devices.findIndex((d) => d.name === "0000:00:04.0");
  expect(outcome.pool!.refusedTries!.again).toMatchObject([{ device, tries: 153 }]);
});

test("an address used after its unmapping, by a log whose clock is 1.6 s behind", async () => {
  const { audit } = await replayOf("used-after-unmap");
  expect(audit.faults).toMatchObject([
    { device: "0000:00:04.0", count: 3, writes: 1, afterUnmap: 2, whileMapped: 0, fromLog: true },
  ]);
  expect(audit.faults![0]!.examples[1]).toContain("shortly after task insmod unmapped it");
});

test("where a CPU's events stop, how full the pool was is not known", async () => {
  const { outcome } = await replayOf("one-cpu-stops");
  expect(outcome.pool!.endsRecorded).toBe(false);
  expect(outcome).toMatchObject({ timeline: null, advice: { what: "no size can be advised" } });
});
