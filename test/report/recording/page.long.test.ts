/** The HTML report in a real browser. Skipped, and said so, where there is none. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page as BrowserPage } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failuresMax } from "../../../src/report/recording/page/page_data.js";
import { type Page, runHtml } from "../../../src/report/recording/page/run_html.js";
import type { RunReport } from "../../../src/report/recording/run_report.js";
import { buildPage, hasBrowser, launch } from "../browser.js";
import { calmReport, sampleReport } from "./sample.js";

describe.skipIf(!hasBrowser)("the page", () => {
  let folder = "";
  let browser: Browser;
  let built: Page;
  const troubles: string[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "page-"));
    built = await buildPage("web/recording", "recording", join(folder, "built"));
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Open a report; whatever the page complains of, and whatever it asks for but the file itself, is collected. */
  async function open(report: RunReport, options: { width?: number; dark?: boolean } = {}): Promise<BrowserPage> {
    const file = join(folder, "report.html");
    writeFileSync(file, runHtml(report, built));
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
      if (request.url() !== `file://${file}`) troubles.push(request.url());
    });
    await page.goto(`file://${file}`);
    return page;
  }

  /** How many colours the canvas shows. */
  const coloursOf = (page: BrowserPage, selector: string): Promise<number> =>
    page
      .locator(selector)
      .first()
      .evaluate((element) => {
        const canvas = element as unknown as {
          width: number;
          height: number;
          getContext(kind: "2d"): { getImageData(x: number, y: number, w: number, h: number): { data: Uint8Array } };
        };
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        const seen = new Set<number>();
        for (let i = 0; i < data.length; i += 4) seen.add((data[i]! << 16) | (data[i + 1]! << 8) | data[i + 2]!);
        return seen.size;
      });

  test("shows the verdict, charts and one page of failures, and asks for nothing", async () => {
    const page = await open(sampleReport());
    expect(await page.locator("h1").textContent()).toMatch(/mappings failed, 37 mappings leaked/);
    expect(await page.locator("#failures details").count()).toBe(25);
    expect(await coloursOf(page, ".uplot canvas")).toBeGreaterThan(10);
    expect(await coloursOf(page, ".map canvas")).toBeGreaterThan(3);
    expect(await page.locator("#devices tbody tr").count()).toBe(3);
    expect(troubles).toEqual([]);
    await page.close();
  });

  test("a failure opens by keyboard and shows the pool at that instant", async () => {
    const report = sampleReport();
    const page = await open(report);
    const failure = report.outcome.pool!.failures[0]!;
    const summary = page.locator("#failures summary").first();
    await summary.focus();
    await page.keyboard.press("Enter");
    const picture = page.locator("#failures details[open] .picture");
    await picture.waitFor();
    expect(await page.locator("#failures details[open] .body").textContent()).toContain(failure.words.slice(1));
    const label = await picture.locator("[role=img]").getAttribute("aria-label");
    expect(label).toContain(`${512 - failure.used} were free`);
    expect(await coloursOf(page, "#failures details[open] canvas")).toBeGreaterThan(2);
    await page.close();
  });

  test("filters choose failures by reason and by device", async () => {
    const report = sampleReport();
    const page = await open(report);
    const failures = report.outcome.pool!.failures;
    const large = failures.filter((f) => f.reason === "too-large").length;
    await page.getByRole("button", { name: /Too large for any pool/ }).click();
    expect(await page.locator("#failures details").count()).toBe(large);
    await page.getByRole("group", { name: "Device" }).getByRole("button", { name: /03\.0/ }).click();
    expect(await page.locator("#failures details").count()).toBe(0);
    expect(await page.locator("#failures [aria-live]").textContent()).toContain(`0 of ${failures.length} failures`);
    await page.close();
  });

  test("the map is read by keyboard: the readout names what the cell holds", async () => {
    const report = sampleReport();
    const map = report.outcome.slotMap!;
    const page = await open(report);
    await page.locator(".map").focus();
    for (const key of ["End", "Home", "ArrowRight", "ArrowRight", "ArrowDown"]) await page.keyboard.press(key);
    const value = map.cells[map.columns + 2]!;
    const holder = value === 0 ? "free" : report.outcome.devices[value - 1]!.name;
    const readout = page.locator(".chart p.readout");
    await expect.poll(() => readout.textContent()).toContain(holder);
    expect(await readout.textContent()).toContain("slots 4 to 7 · 0xbe02000");
    await page.keyboard.press("+");
    expect(await page.getByRole("button", { name: "All" }).isEnabled()).toBe(true);
    await page.keyboard.press("0");
    expect(await page.getByRole("button", { name: "All" }).isEnabled()).toBe(false);
    await page.close();
  });

  test("zoomed in, End and Home go to the recording's ends, and both readouts follow", async () => {
    const report = sampleReport();
    const { from, to } = report.outcome.source;
    const page = await open(report);
    await page.locator(".map").focus();
    const chart = page.locator(".chart figcaption .readout");
    const map = page.locator(".chart p.readout");
    const seconds = async (of: typeof chart) => Number.parseFloat((await of.textContent())!.replace(/,/g, ""));
    for (const [key, at] of [
      ["End", to],
      ["Home", from],
      ["End", to],
    ] as const) {
      for (let k = 0; k < 4; k++) await page.keyboard.press("+");
      await page.keyboard.press(key);
      await page.waitForTimeout(100);
      const width = (to - from) / 100 / 1e6;
      for (const readout of [chart, map]) {
        expect(Math.abs((await seconds(readout)) - at / 1e6), `${key} ${await readout.textContent()}`).toBeLessThan(
          width,
        );
        expect(await seconds(readout)).toBeLessThanOrEqual(to / 1e6);
      }
    }
    await page.close();
  });

  test("dragging over the chart zooms both", async () => {
    const page = await open(sampleReport());
    const before = await page.locator(".timebar .faint").textContent();
    const box = (await page.locator(".u-over").boundingBox())!;
    await page.mouse.move(box.x + 200, box.y + 60);
    await page.mouse.down();
    await page.mouse.move(box.x + 400, box.y + 60, { steps: 4 });
    await page.mouse.up();
    expect(await page.locator(".timebar .faint").textContent()).not.toBe(before);
    await page.close();
  });

  test("columns of the devices' table sort", async () => {
    const report = sampleReport();
    const page = await open(report);
    const names = [...report.outcome.devices].sort((a, b) => b.failed - a.failed).map((d) => d.name);
    await page.locator("#devices").getByRole("button", { name: "Failed" }).click();
    expect(await page.locator("#devices tbody tr td:first-child").allTextContents()).toEqual(names);
    expect(await page.locator("#devices th[aria-sort=descending]").textContent()).toContain("Failed");
    await page.close();
  });

  test.each([
    [380, false],
    [380, true],
    [768, true],
  ])("nothing is wider than a window of %d pixels (dark: %s)", async (width, dark) => {
    const page = await open(sampleReport(), { width, dark });
    await page.locator("#failures summary").first().click();
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
    const ground = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor");
    await page.getByRole("button", { name: dark ? "Use light colours" : "Use dark colours" }).click();
    expect(await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")).not.toBe(ground);
    await page.close();
  });

  test("a report without a pool says so in place of charts", async () => {
    const page = await open(calmReport());
    expect(await page.locator("#pool").textContent()).toContain("No swiotlb pool was seen");
    expect(await page.locator("canvas").count()).toBe(0);
    expect(troubles).toEqual([]);
    await page.close();
  });

  test("hostile names are shown, not run", async () => {
    const { outcome, audit } = sampleReport();
    const evil = "</script><img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>";
    const devices = outcome.devices.map((d) => ({ ...d, name: evil, driver: evil }));
    const page = await open({ outcome: { ...outcome, devices, source: { ...outcome.source, name: evil } }, audit });
    expect(await page.title()).toContain("</script>");
    expect(await page.locator("#devices tbody td").first().textContent()).toBe(evil);
    expect(await page.locator("img").count()).toBe(0);
    expect(troubles).toEqual([]);
    await page.close();
  });

  test("twenty thousand failures open at once and filter at once", async () => {
    const { outcome, audit } = sampleReport();
    const pool = outcome.pool!;
    const few = pool.failures;
    const many = Array.from({ length: failuresMax }, (_, i) => ({ ...few[i % few.length]!, picture: null, time: i }));
    const page = await open({ outcome: { ...outcome, pool: { ...pool, failures: many } }, audit });
    const start = Date.now();
    await page.getByRole("button", { name: /Pool exhausted/ }).click();
    expect(await page.locator("#failures [aria-live]").textContent()).toContain("of 20,000 failures");
    expect(await page.locator("#failures details").count()).toBe(25);
    expect(Date.now() - start).toBeLessThan(3000);
    await page.close();
  });
});
