/** The page of a machine's run in a real browser. Skipped, and said so, where there is none. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeMachine } from "../../../src/lab/machine/description/description.js";
import { outcomeOf } from "../../../src/lab/machine/outcome.js";
import { runMachine } from "../../../src/lab/machine/run/run_machine.js";
import { Timeline } from "../../../src/lab/machine/timeline/timeline.js";
import { machineHtml } from "../../../src/report/machine/page/machine_page.js";
import type { Page } from "../../../src/report/page/one_file.js";
import { buildPage, hasBrowser, launch } from "../browser.js";

const legacy = 'program: legacy-dma, device: "0000:00:04.0"';
const machine = readFileSync("machines/vtd-strict.yaml", "utf8")
  .replaceAll(/requests: \d+/g, "requests: 6")
  .replace('program: disk, device: "0000:00:04.0"', legacy);

describe.skipIf(!hasBrowser)("the page", () => {
  let folder = "";
  let browser: Browser;
  let built: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "page-"));
    built = await buildPage("web/machine", "machine", join(folder, "built"));
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(hash = "", width = 1200) {
    const timeline = new Timeline(20_000);
    const outcome = outcomeOf(runMachine(describeMachine("m.yaml", machine), { timeline }));
    const file = join(folder, "m.html");
    writeFileSync(file, machineHtml("m.yaml <b>", outcome, timeline, built));
    const page = await browser.newPage({ viewport: { width, height: 900 }, reducedMotion: "reduce" });
    complaints.length = 0;
    page.on("console", (m) => void (m.type() === "error" && complaints.push(m.text())));
    page.on("pageerror", (e) => complaints.push(e.message));
    page.on("request", (r) => void (r.url().startsWith("file:") || complaints.push(r.url())));
    await page.goto(`file://${file}${hash}`);
    return page;
  }

  test("a DMA that is chosen is told hop by hop, with the entries that were read, and is a link", async () => {
    const page = await open();
    await page.locator("#dmas tbody a").nth(3).click();
    expect(await page.locator("#dma h3").innerText()).toContain("DMA 3 of 0000:00:05.0");
    await page.locator("#dma summary").first().click();
    expect(await page.locator("#dma details[open] tbody tr").count()).toBe(4);
    expect(page.url()).toContain("dma=3");
    const again = await open(new URL(page.url()).hash);
    expect(await again.locator("#dma h3").innerText()).toContain("DMA 3");
    expect(complaints).toEqual([]);
  });

  test("the keyboard goes from event to event and zooms; trouble is listed and can be looked at", async () => {
    const page = await open();
    await page.locator("canvas.lanes").focus();
    for (const key of ["w", "w", "d", "ArrowRight", "ArrowRight"]) await page.keyboard.press(key);
    expect(page.url()).toMatch(/at=\d+-\d+/);
    expect(await page.locator(".readout").innerText()).toMatch(/step \d+/);
    await page.locator("#troubles a").first().click();
    expect(await page.locator(".readout .bad").innerText()).toContain("refused");
    expect(complaints).toEqual([]);
  });

  test("a telephone's width holds it, and text of the machine is text", async () => {
    const page = await open("#dma=4", 380);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(380);
    expect(await page.locator(".source").innerText()).toBe("m.yaml <b>");
    expect(complaints).toEqual([]);
  });
});
