/** Pools that are tried: around one that is known, all that the kernel makes by itself, and those asked for. */
import { expect, test } from "vitest";
import type { Setting } from "../../../src/lab/replay/other_pools/setting.js";
import { askedSettings, autoSettings, nearbySettings } from "../../../src/lab/replay/other_pools/settings.js";

const words = (settings: readonly Setting[]) =>
  settings.map((s) => `${s.slots},${s.areas}${s.forced ? ",force" : ""}`).join(" ");

test("around a pool", () => {
  const small = "512,4,force 1024,8,force 2048,8,force 4096,8,force 8192,8,force 16384,8,force 32768,8,force";
  expect(words(nearbySettings({ slots: 1024, areas: 8, forced: true }))).toBe(small);
  expect(words(nearbySettings({ slots: 2048, areas: 8, forced: true }))).toBe(small);
  expect(words(nearbySettings({ slots: 2049, areas: 1, forced: false }))).toBe(
    "512,1 1024,1 2048,1 4096,1 8192,1 16384,1 32768,1 65536,1",
  );
  const largest = nearbySettings({ slots: 524288, areas: 2, forced: false });
  expect([largest.length, words(largest.slice(-2))]).toEqual([11, "262144,2 524288,2"]);
});

test("all that the kernel makes by itself", () => {
  const all = autoSettings({ forced: true });
  expect([all.length, words(all.slice(0, 7)), words(all.slice(-8))]).toEqual([
    64,
    "128,1,force 256,1,force 256,2,force 512,1,force 512,2,force 512,4,force 1024,1,force",
    "262144,32,force 524288,1,force 524288,2,force 524288,4,force 524288,8,force 524288,16,force 524288,32,force 1048576,1,force",
  ]);
  expect(words(autoSettings({ forced: false }).slice(0, 2))).toBe("128,1 256,1");
});

test("sizes that were asked for", () => {
  const sizes = [1, 128, 129, 511, 512, 513, 1000, 4096, 40_000];
  expect(words(askedSettings(sizes, { cpus: 6, forced: false }))).toMatchInlineSnapshot(
    `"1024,8 1024,8 1024,8 1024,8 1024,8 1024,8 1024,8 4096,8 65536,8"`,
  );
  expect(words(askedSettings([1024], { cpus: 1, forced: true }))).toMatchInlineSnapshot(`"1024,1,force"`);
});
