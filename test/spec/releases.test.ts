/** Which releases of Linux there are. */
import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { isRelease, newestRelease, oldestRelease } from "../../src/spec/linux/releases.js";

test("a kernel that was recorded is one that can be described", () => {
  const logs = readdirSync("fixtures", { recursive: true, encoding: "utf8" }).filter((f) =>
    /dmesg\.txt(\.gz)?$/.test(f),
  );
  const kernels = logs.flatMap((log) => {
    const bytes = readFileSync(`fixtures/${log}`);
    return /Linux version (\S+)/.exec((log.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString())?.[1] ?? [];
  });
  expect(new Set(kernels).size).toBeGreaterThan(3);
  expect([...new Set(kernels)].filter((kernel) => !isRelease(kernel))).toEqual([]);
});

test.each([
  [oldestRelease, true],
  [newestRelease, true],
  ["2.6.39.4", true],
  ["6.12.41-1", true],
  ["2.6.40", false],
  ["3.20", false],
  ["7.99", false],
  ["6", false],
])("%s: %s", (release, is) => expect(isRelease(release)).toBe(is));
