/** Bytes as text: the way without Node's Buffer answers as the way with it. */
import { afterEach, expect, test, vi } from "vitest";
import { Rng } from "../../src/base/rng.js";
import { base64, latin1 } from "../../src/base/text_bytes.js";

afterEach(() => vi.unstubAllGlobals());

const rng = new Rng(3);
const samples = [0, 1, 2, 3, 255, 4095, 4096, 4097, 20_000].map((length) =>
  Uint8Array.from({ length }, () => rng.below(256)),
);

test.each(["with Buffer", "without it"])("%s", (how) => {
  const wanted = samples.map((bytes) => {
    const buffer = Buffer.from(bytes);
    return [buffer.toString("latin1"), buffer.toString("base64")];
  });
  if (how === "without it") vi.stubGlobal("Buffer", undefined);
  expect(samples.map((bytes) => [latin1(bytes), base64(bytes)])).toEqual(wanted);
  expect(latin1(samples[5]!.subarray(7, 9))).toBe(wanted[5]![0]!.slice(7, 9));
});
