/** The HTML file as text: self-contained, its policy, and that no text of a recording can leave its place. */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { failuresMax, pageData } from "../../../src/report/recording/page/page_data.js";
import { runHtml } from "../../../src/report/recording/page/run_html.js";
import { encodeRuns } from "../../../src/report/recording/page/runs.js";
import { pageOf } from "../../../tools/page.js";
import { eachPart, gridOf, heldBy, longestFree } from "../../../web/recording/src/picture.js";
import { decodeRuns } from "../../../web/recording/src/runs.js";
import { number, seconds, share, shortSeconds } from "../../../web/shared/format.js";
import { sorted } from "../../../web/shared/sorting.js";
import { calmReport, sampleReport } from "./sample.js";

const page = pageOf({ script: 'console.log("</script><!--")', style: "body{color:red}/*</style>*/" });

/** The JSON inside the file, as the page reads it. */
const dataOf = (html: string): unknown =>
  JSON.parse(/<script type="application\/json" id="data">(.*)<\/script>/.exec(html)![1]!);

test("the page gets the same data that was put in", () => {
  const report = sampleReport();
  expect(dataOf(runHtml(report, page))).toEqual(JSON.parse(JSON.stringify(pageData(report))));
});

test("hostile text stays text", () => {
  const { outcome, audit } = sampleReport();
  const evil = '</script><script>alert(1)</script><!-- " & \u2028\u2029';
  const source = { ...outcome.source, name: evil };
  const devices = outcome.devices.map((d) => ({ ...d, name: evil }));
  const html = runHtml({ outcome: { ...outcome, source, devices }, audit }, page);
  expect(html.match(/<script/g)).toHaveLength(2);
  expect(html.match(/<\/script>/g)).toHaveLength(2);
  expect(/[\u2028\u2029]/.test(html.slice(html.indexOf("<body>")))).toBe(false);
  expect(/<title>(.*)<\/title>/s.exec(html)![1]).toMatch(/^&lt;\/script&gt;.*&quot; &amp; /);
  expect((dataOf(html) as { devices: { name: string }[] }).devices[0]!.name).toBe(evil);
});

test("nothing is fetched, and the policy allows this one script", () => {
  const html = runHtml(sampleReport(), page);
  expect(html).not.toMatch(/\s(src|href)=/);
  const script = /<script>(.*)<\/script>/s.exec(html)![1]!;
  const digest = createHash("sha256").update(script).digest("base64");
  expect(html).toContain(`default-src 'none'; script-src 'sha256-${digest}'; style-src 'unsafe-inline'`);
  expect(script).toBe('console.log("<\\/script><\\!--")');
});

test("failures and refused lists lie in order of time, bounded, with the rest counted", () => {
  const { outcome, audit } = sampleReport();
  const pool = outcome.pool!;
  const refused = pool.failures.slice(0, 3).map((f) => ({ ...f, list: true, time: f.time + 1 }));
  const many = Array.from({ length: failuresMax }, (_, i) => ({ ...pool.failures[0]!, time: i, picture: null }));
  const data = pageData({ outcome: { ...outcome, pool: { ...pool, failures: many, refusedLists: refused } }, audit });
  expect(data.failures).toHaveLength(failuresMax);
  expect(data.failuresLeftOut).toBe(3);
  expect(data.failureGroups.reduce((sum, group) => sum + group.count, 0)).toBe(failuresMax + 3);
  const times = pageData({ outcome: { ...outcome, pool: { ...pool, refusedLists: refused } }, audit }).failures;
  expect(times.every((f, i) => i === 0 || times[i - 1]!.time <= f.time)).toBe(true);
});

test("without a pool the page's data says so", () => {
  expect(pageData(calmReport())).toMatchObject({ pool: null, timeline: null, slotMap: null, failures: [] });
});

test("runs of cells come back as they were", () => {
  const rng = new Rng(5);
  const cells = new Uint8Array(10_000);
  for (let at = 0; at < cells.length; ) {
    const end = Math.min(cells.length, at + 1 + rng.below(600));
    cells.fill(rng.below(256), at, end);
    at = end;
  }
  expect(decodeRuns(encodeRuns(cells), cells.length)).toEqual(cells);
  expect(encodeRuns(cells).length).toBeLessThan(400);
  expect(decodeRuns(encodeRuns(cells), 10)).toEqual(cells.slice(0, 10));
  expect(decodeRuns("", 3)).toEqual(new Uint8Array(3));
});

test("a picture's parts agree with its failure", () => {
  const { outcome } = sampleReport();
  for (const failure of pageData({ outcome, audit: sampleReport().audit }).failures.slice(0, 200)) {
    const held = heldBy(failure.picture!);
    expect(held.reduce((sum, part) => sum + part.slots, 0)).toBe(failure.used);
    expect(longestFree(failure.picture!, 512, 128)?.count ?? 0).toBe(failure.longestRun);
  }
});

test.each([
  ["a full pool has no free run", [0, 512, 0], null],
  ["an empty pool's longest run is a set", [], { slot: 0, count: 128 }],
  ["a run ends where its set does", [0, 60, 0, 200, 312, 1], { slot: 128, count: 72 }],
] as const)("%s", (_, flat, run) => expect(longestFree(flat, 512, 128)).toEqual(run));

test("slots of a picture lie inside their box and never overlap", () => {
  for (const [slots, width] of [
    [512, 340],
    [512, 1100],
    [32768, 340],
    [32768, 1100],
    [1000, 500],
  ] as const) {
    const grid = gridOf(slots, 128, width);
    const seen: { x: number; y: number; right: number; bottom: number }[] = [];
    eachPart(grid, 128, { slot: 0, count: slots }, (x, y, w, h) => seen.push({ x, y, right: x + w, bottom: y + h }));
    expect(seen).toHaveLength(Math.ceil(slots / 128));
    expect(Math.max(...seen.map((s) => s.right))).toBeLessThanOrEqual(width + 1e-6);
    expect(Math.max(...seen.map((s) => s.bottom))).toBe(grid.height);
    const overlap = seen.some((a, i) =>
      seen.slice(i + 1).some((b) => a.x < b.right - 1e-9 && b.x < a.right - 1e-9 && a.y < b.bottom && b.y < a.bottom),
    );
    expect(overlap).toBe(false);
  }
});

test("rows are sorted by a column, and equal ones keep their order", () => {
  const rows = [
    { n: 1, s: "b" },
    { n: 2, s: "a" },
    { n: 1, s: "a" },
  ];
  const column = { title: "n", key: (row: (typeof rows)[number]) => row.n, numeric: true };
  expect(sorted(rows, column, true).map((row) => row.n + row.s)).toEqual(["2a", "1b", "1a"]);
  expect(sorted(rows, column, false).map((row) => row.n + row.s)).toEqual(["1b", "1a", "2a"]);
});

test("the page's numbers", () => {
  expect(number(1234567)).toBe("1,234,567");
  expect(seconds(13_162_214)).toBe("13.162214 s");
  expect(shortSeconds(7_500_000, 2_500_000)).toBe("7.5 s");
  expect(shortSeconds(7_000_000, 1_000_000)).toBe("7 s");
  expect(shortSeconds(7_000_250, 250)).toBe("7.00025 s");
  expect(share(1, 3)).toBe("33.3 %");
});
