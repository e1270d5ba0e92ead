/** The page of an inspection in a real browser. Skipped, and said so, where there is none. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page as BrowserPage } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseDeviceAddress } from "../../../src/audit/inspect/device_name.js";
import { walkAnswer } from "../../../src/audit/inspect/walk/walk_device.js";
import { Rng } from "../../../src/base/rng.js";
import type { MemoryView } from "../../../src/mem/view.js";
import { inspectHtml } from "../../../src/report/inspect/html.js";
import type { InspectReport } from "../../../src/report/inspect/inspect_report.js";
import { walkSvg } from "../../../src/report/inspect/svg.js";
import type { Page } from "../../../src/report/page/one_file.js";
import { Ranges } from "../../../src/table/ranges.js";
import { type Capture, inspected, truthOf } from "../../audit/inspect/captured.js";
import { device, ranges } from "../../audit/inspect/machine.js";
import { buildPage, hasBrowser, launch } from "../browser.js";
import { reportOf, sampleInspection } from "./sample_inspection.js";

const hex = (n: number): string => `0x${n.toString(16)}`;

describe.skipIf(!hasBrowser)("the page", () => {
  let folder = "";
  let browser: Browser;
  let built: Page;
  const troubles: string[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "page-"));
    built = await buildPage("web/inspect", "inspect", join(folder, "built"));
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Open a page; whatever it complains of, and whatever it asks for but the file itself, is collected. */
  async function open(
    report: InspectReport,
    memory: MemoryView | null = null,
    options: { width?: number; dark?: boolean; hash?: string } = {},
  ): Promise<BrowserPage> {
    const file = join(folder, "inspect.html");
    writeFileSync(file, inspectHtml(report, built, memory));
    const page = await browser.newPage({
      viewport: { width: options.width ?? 1200, height: 900 },
      colorScheme: options.dark === true ? "dark" : "light",
      reducedMotion: "reduce",
    });
    troubles.length = 0;
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) troubles.push(message.text());
    });
    page.on("pageerror", (error) => troubles.push(error.message));
    page.on("request", (request) => {
      if (!request.url().startsWith(`file://${file}`)) troubles.push(request.url());
    });
    await page.goto(`file://${file}${options.hash ?? ""}`);
    return page;
  }
  async function openCapture(name: Capture, options: Parameters<typeof open>[2] = {}): Promise<BrowserPage> {
    const { inspection, image } = await inspected(name);
    return open(reportOf(inspection), image, options);
  }

  /** Pixels of the map by colour. */
  const coloursOf = (page: BrowserPage): Promise<Map<string, number>> =>
    page
      .locator(".cells canvas")
      .evaluate((element) => {
        const canvas = element as unknown as {
          width: number;
          height: number;
          getContext(kind: "2d"): { getImageData(x: number, y: number, w: number, h: number): { data: Uint8Array } };
        };
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        const seen: Record<string, number> = {};
        for (let i = 0; i < data.length; i += 4) {
          const colour = `${data[i]},${data[i + 1]},${data[i + 2]}`;
          seen[colour] = (seen[colour] ?? 0) + 1;
        }
        return Object.entries(seen);
      })
      .then((entries) => new Map(entries));
  /** The colour of the device that reaches most. */
  const firstColour = "0,114,178";
  const answer = (page: BrowserPage) => page.locator(".answer").textContent();

  test("shows what was found and asks for nothing; its counts are those of the mappings", async () => {
    const page = await openCapture("vtd-legacy-strict");
    const { inspection } = await inspected("vtd-legacy-strict");
    const { mappings } = truthOf("vtd-legacy-strict");
    const pages = new Set(
      mappings.flatMap((m) => Array.from({ length: m.bytes / 4096 }, (_, i) => m.paddr / 4096 + i)),
    );
    expect(await page.locator("h1").textContent()).toContain(
      "9 devices are confined to 18.3 MiB of addresses, which lead to 17.8 MiB of memory",
    );
    expect(await page.locator(".totals").textContent()).toContain(`${pages.size.toLocaleString("en")} pages`);
    expect(await page.locator("#findings li").count()).toBe(inspection.findings.length);
    expect(await page.locator("#devices tbody").count()).toBe(inspection.devices.length);
    await expect.poll(async () => (await coloursOf(page)).get(firstColour) ?? 0).toBeGreaterThan(1000);
    expect(troubles).toEqual([]);
    await page.close();
  });

  test.each(["amdvi", "smmuv3", "vtd-scalable-fs"] as const)("%s: a mapping is found from both sides", async (name) => {
    const page = await openCapture(name);
    const mapping = truthOf(name).mappings.at(-1)!;
    await page.getByLabel("Address").fill(`${mapping.bdf}:${hex(mapping.iova + 0x123)}`);
    await page.keyboard.press("Enter");
    expect(await answer(page)).toContain(`leads to ${hex(mapping.paddr + 0x123)}`);
    expect(await page.locator(".walk li").last().textContent()).toContain(`page at ${hex(mapping.paddr)}`);
    await page.locator(".answer h3 button").first().click();
    expect(await answer(page)).toContain(`${hex(mapping.paddr + 0x123)} is reached in`);
    expect(await answer(page)).toContain(`${mapping.bdf}`);
    expect(await answer(page)).toContain(hex(mapping.iova + 0x123));
    expect(page.url()).toContain(`#who=${hex(mapping.paddr + 0x123)}`);
    expect(troubles).toEqual([]);
    await page.close();
  });

  test("an address in the link is looked up, and one that is none is refused in words", async () => {
    const page = await openCapture("vtd-legacy-strict", { hash: "#who=0x5097010" });
    expect(await answer(page)).toMatch(/0x5097010 is reached in 1 way.*0000:00:03\.0.*rw.*0xfffc0010/);
    await page.getByLabel("Address").fill("<img src=x>");
    await page.getByRole("button", { name: "Look up" }).click();
    expect(await page.getByRole("alert").textContent()).toContain("Ask for a physical address");
    expect(await page.locator(".answer").count()).toBe(0);
    await page.getByLabel("Address").fill("00:03.0:0x1000");
    await page.getByRole("button", { name: "Look up" }).click();
    expect(await answer(page)).toContain("nothing is mapped there");
    await page.close();
  });

  test("devices leave the map and come back", async () => {
    const page = await openCapture("vtd-legacy-strict");
    const pixels = async () => (await coloursOf(page)).get(firstColour) ?? 0;
    await expect.poll(pixels).toBeGreaterThan(1000);
    const first = page.locator(".legend .chip").first();
    await first.click();
    await expect.poll(pixels).toBe(0);
    expect(await first.getAttribute("aria-pressed")).toBe("false");
    await page.getByRole("button", { name: "All", exact: true }).click();
    await expect.poll(pixels).toBeGreaterThan(1000);
    await page.close();
  });

  test("the map is read by keyboard: zoom in, move, look up", async () => {
    const page = await open(reportOf(sampleInspection([device(8, ranges([0x7000, 0x3000, 8192, 1]))])));
    await page.locator(".cells").focus();
    for (const key of ["+", "+", "+", "+", "+", "+", "+", "+"]) await page.keyboard.press(key);
    expect(await page.locator(".zoombar .faint").textContent()).toContain("a cell is 4 KiB");
    for (const key of ["0", "+", "+", "+", "+", "+", "+", "+", "+"]) await page.keyboard.press(key);
    await page.keyboard.press("ArrowRight");
    const readout = page.locator(".memory .readout");
    for (let i = 0; i < 6 && !(await readout.textContent())!.startsWith("0x4000 "); i++) {
      await page.keyboard.press((await readout.textContent())! < "0x4000" ? "ArrowRight" : "ArrowLeft");
    }
    expect(await readout.textContent()).toBe("0x4000 · 0000:00:01.0 r- at 0x8000");
    await page.keyboard.press("Enter");
    expect(await answer(page)).toContain("0x4000 is reached in 1 way");
    expect(troubles).toEqual([]);
    await page.close();
  });

  test("pages of several tables are striped, and everyone is named", async () => {
    const two = [device(8, ranges([0, 0x100000, 0x80000])), device(16, ranges([0x9000, 0x100000, 0x80000, 2]))];
    const page = await open(reportOf(sampleInspection(two)), null, { hash: "#who=0x101000" });
    expect(await answer(page)).toMatch(/2 ways.*0000:00:01\.0.*rw.*0x1000.*0000:00:02\.0.*-w.*0xa000/);
    expect(await page.locator(".totals").textContent()).toContain(
      "128 pages (512 KiB) are reached through tables, 128 of them",
    );
    await page.getByRole("button", { name: "Single pages" }).click();
    await expect.poll(async () => (await coloursOf(page)).get("230,159,0") ?? 0).toBeGreaterThan(500);
    expect((await coloursOf(page)).get(firstColour)).toBeGreaterThan(500);
    await page.close();
  });

  test("who passes through is said above the map", async () => {
    const page = await open(reportOf(sampleInspection()), null, { hash: "#who=0x1000" });
    expect(await page.locator(".banner").textContent()).toContain("1 device reaches every page below");
    expect(await answer(page)).toMatch(/0000:00:04\.0.*r-.*as it is: identity/);
    expect(await page.locator("#devices .state.identity").textContent()).toBe("identity r-");
    await page.close();
  });

  test("a device's ranges open, filter and lead to the map", async () => {
    const page = await openCapture("vtd-legacy-strict");
    const { inspection } = await inspected("vtd-legacy-strict");
    const most = inspection.devices.reduce((a, b) => ((a.ranges?.count ?? 0) > (b.ranges?.count ?? 0) ? a : b));
    const own = most.ranges!;
    const i = inspection.devices.indexOf(most);
    await page.locator(`#device-${i} .open`).click();
    const list = page.locator(`#device-${i} .list`);
    expect(await list.getAttribute("aria-rowcount")).toBe(`${own.count}`);
    expect(await list.locator(".row").count()).toBeLessThan(20);
    await list.evaluate((e) => (e as unknown as { scrollTo(x: number, y: number): void }).scrollTo(0, 1e6));
    const last = own.count - 1;
    await expect.poll(() => list.locator(".row").last().textContent()).toContain(hex(own.iova[last]!));
    await page.locator(`#device-${i} input`).fill(hex(own.iova[last]! + 0x10));
    await expect.poll(() => list.getAttribute("aria-rowcount")).toBe("1");
    await list.locator(".row button").nth(1).click();
    expect(await answer(page)).toContain(`${hex(own.paddr[last]!)} is reached in`);
    expect(troubles).toEqual([]);
    await page.close();
  });

  test("tables open down to the page", async () => {
    const page = await openCapture("vtd-legacy-strict");
    const summary = (words: RegExp) => page.locator(".tree summary").filter({ hasText: words }).last();
    await summary(/^0000:00:03\.0/).click();
    await page
      .locator(".tree summary:visible")
      .filter({ hasText: /^second stage/ })
      .click();
    for (const level of ["SS-PML4E", "SS-PDPE", "SS-PDE", "SS-PTE"]) {
      await page
        .locator(".tree summary:visible")
        .filter({ hasText: new RegExp(`^${level}`) })
        .last()
        .click();
    }
    const leaf = page.locator(".tree details[open] > summary").filter({ hasText: /^SS-PTE/ });
    expect(await leaf.textContent()).toMatch(/page of 4 KiB at 0x[0-9a-f]+ from 0xfff[0-9a-f]+/);
    expect(await page.locator(".tree details[open]").last().locator(".fields").textContent()).toContain(
      "the translated frame",
    );
    expect(troubles).toEqual([]);
    await page.close();
  });

  test("a finding leads to its place on the map and to its devices", async () => {
    const page = await openCapture("vtd-legacy-strict");
    await page.locator("#findings").getByRole("button", { name: /^Map:/ }).first().click();
    expect(await page.locator(".zoombar .faint").textContent()).toContain("a cell is");
    await page.locator("#findings .acts a").first().click();
    expect(await page.locator("#devices tr.detail").count()).toBe(1);
    expect(troubles).toEqual([]);
    await page.close();
  });

  test.each([
    [380, false],
    [380, true],
    [768, true],
  ])("nothing is wider than a window of %d pixels (dark: %s)", async (width, dark) => {
    const page = await openCapture("vtd-scalable-fs", { width, dark, hash: "#who=0x1000" });
    await page.locator("#devices .open").last().click();
    await page.locator(".tree summary").nth(1).click();
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
    const ground = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor");
    await page.getByRole("button", { name: dark ? "Use light colours" : "Use dark colours" }).click();
    expect(await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")).not.toBe(ground);
    expect(troubles).toEqual([]);
    await page.close();
  });

  test("an inspection of nothing says so", async () => {
    const inspection = { ...sampleInspection([]), units: [], unitTroubles: [], findings: [] };
    const page = await open(reportOf({ ...inspection, source: { ...inspection.source, runs: [] } }));
    expect(await page.locator("#map").textContent()).toContain("The image holds no memory");
    expect(await page.locator("#devices").textContent()).toContain("No unit has an entry");
    expect(troubles).toEqual([]);
    await page.close();
  });

  test("hostile names are shown, not run", async () => {
    const evil = "</script><img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>";
    const inspection = sampleInspection([device(8, ranges([0, 0, 4096]), { why: evil })]);
    const findings = [{ ...inspection.findings[0]!, what: evil, where: evil, why: evil, devices: [0] }];
    const source = { ...inspection.source, file: evil, notes: [evil] };
    const page = await open(reportOf({ ...inspection, source, findings }), null, {
      hash: `#at=${encodeURIComponent(evil)}`,
    });
    expect(await page.title()).toContain("</script>");
    expect(await page.locator("#findings .what").textContent()).toContain(evil);
    expect(await page.locator("img").count()).toBe(0);
    expect(troubles).toEqual([]);
    await page.close();
  });

  test("hundreds of thousands of ranges over a tebibyte open, scroll and zoom at once", async () => {
    const rng = new Rng(11);
    const many = Array.from({ length: 8 }, () => {
      const own = new Ranges();
      for (let i = 0; i < 110_000; i++) own.push(i * 65536, rng.below(2 ** 24) * 65536, 4096 * (1 + rng.below(16)), 3);
      return own;
    });
    const start = Date.now();
    const page = await open(reportOf(sampleInspection(many.map((own, i) => device(8 * (i + 1), own)))));
    await expect.poll(async () => (await coloursOf(page)).size).toBeGreaterThan(5);
    expect(Date.now() - start).toBeLessThan(15_000);
    const before = Date.now();
    await page.getByRole("button", { name: "Single pages" }).click();
    await page
      .locator(".cells")
      .evaluate((e) => (e as unknown as { scrollTo(x: number, y: number): void }).scrollTo(0, 1e6));
    await page.getByRole("button", { name: "Whole memory" }).click();
    await page.locator(".cells").hover({ position: { x: 400, y: 100 } });
    await expect.poll(() => page.locator(".memory .readout").textContent()).toContain("pages");
    expect(Date.now() - before).toBeLessThan(5_000);
    expect(await page.locator(".cut").first().textContent()).toMatch(/carries [0-9,]+ of 110,000 ranges/);
    expect(troubles).toEqual([]);
    await page.close();
  });

  test("a browser reads the picture of a walk as SVG", async () => {
    const found = await inspected("smmuv3");
    const svg = walkSvg(walkAnswer(found, parseDeviceAddress("00:03.0:0xfffff010")));
    const page = await browser.newPage();
    const read = `new DOMParser().parseFromString(${JSON.stringify(svg)}, "image/svg+xml").documentElement.outerHTML`;
    expect(await page.evaluate(`${read}.startsWith("<svg")`)).toBe(true);
    expect(await page.evaluate(`${read}.includes("parsererror")`)).toBe(false);
    await page.close();
  });
});
