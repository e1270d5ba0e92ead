/** Text in UTF-16 is read as what it says, and what only begins with its mark is left alone. */
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { why } from "../../src/index.js";
import { memorySource } from "../../src/read/bytes.js";
import { asUtf8 } from "../../src/read/utf16.js";
import { dmalab } from "../cli/called.js";

const log =
  "[    0.000000] Linux version 6.12.9\r\n" +
  "[   13.1] nvme 0000:00:03.0: swiotlb buffer is full (sz: 69632 bytes), total 512 (slots), used 473 (slots) é\r\n";
const little = Buffer.from(`\ufeff${log}`, "utf16le");
const big = Buffer.from(little).swap16();

const source = (bytes: Uint8Array) => ({ ...memorySource("log", bytes), damage: null });
const textOf = (bytes: Uint8Array): string => {
  const { size, read } = asUtf8(source(bytes));
  const into = new Uint8Array(size);
  expect(read(0, into)).toBe(size);
  return new TextDecoder().decode(into);
};

test.each([
  ["little", little],
  ["big", big],
])("%s endian: the text, without its mark", (_, bytes) => expect(textOf(bytes)).toBe(log));

test.each(["дек 01 12:00:00 host kernel: x", "déc. 01", "\u001b[33mDec 01 12:00:00 kernel:", "\f[ 1.0]\u00a0x"])(
  "a first line may have other letters, colours and a form feed: %j",
  (first) => {
    const text = `${first}\n${log}`;
    expect(textOf(Buffer.from(`\ufeff${text}`, "utf16le"))).toBe(text);
  },
);

test("letters that a piece cuts in two are whole", () => {
  const long = `[    1.000000] ${"x".repeat((1 << 19) - 17)}😀é\n`.repeat(3);
  expect(textOf(Buffer.from(`\ufeff${long}`, "utf16le"))).toBe(long);
});

test.each([
  ["the mark alone", [0xff, 0xfe]],
  ["memory behind the mark", [0xff, 0xfe, 0x5b, 0, 0, 0, 0x31, 0]],
  ["other letters of 16 bits", [0xff, 0xfe, 0x5b, 0x30, 0x20, 0]],
  ["UTF-8", [...new TextEncoder().encode(log)]],
])("%s is as it was", (_, bytes) => {
  const given = source(Uint8Array.from(bytes));
  expect(asUtf8(given)).toBe(given);
});

test("why explains such a log, packed or not, by call and by command", async () => {
  const plain = await why(Buffer.from(log));
  expect(plain.findings[0]!.kind).toBe("exhausted");
  for (const bytes of [little, big, gzipSync(little)]) expect(await why(bytes)).toEqual(plain);
  const { out } = await dmalab(["why", "-", "--json"], { input: little });
  expect(JSON.parse(out)).toEqual(plain);
});
