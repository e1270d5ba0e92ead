/** Lines that were broken, made whole. */
import { expect, test } from "vitest";
import { joinedLines } from "../../src/read/kernel_log/forms.js";
import { MarkedLines } from "../../src/read/kernel_log/marked_lines.js";

test.each<[string, string, string | null]>([
  ["swiotlb buffer is full (sz: 65536 bytes), total 32768", "(slots), used 3 (slots)", "32768 (slots), used 3"],
  ["swiotlb buffer is full (sz: 65536 bytes), total 327", "68 (slots), used 3 (slots)", "total 32768 (slots)"],
  ["swiotlb buffer is full (sz: 16384 bytes)", "usb 1-1: reset", null],
  ["swiotlb buffer is full (sz: 16384 bytes)", "total 3 apples", null],
  ["software IO TLB: mapped", "[mem 0x7ba12000-0x7fa12000] (64MB)", "mapped [mem 0x7ba12000-0x7fa12000]"],
  ["DMAR: DRHD: handling fault status", "reg 3", "status reg 3"],
  ["something else that ends", "here", null],
  ["", "x", null],
])("%s / %s", (first, second, expected) => {
  const joined = joinedLines(first, second);
  if (expected === null) expect(joined).toBeNull();
  else expect(joined).toContain(expected);
});

const whole = (...lines: string[]): string[] => {
  const taken: string[] = [];
  const marked = new MarkedLines([/swiotlb|IO TLB|DMAR/], (line) => taken.push(line));
  for (const line of lines) marked.line(line);
  marked.close();
  return taken;
};

test("three parts, an empty line between them, the reply's marks taken off", () => {
  expect(
    whole("> swiotlb buffer is full (sz:", ">", "> 4096 bytes), total", "> 512 (slots), used 9 (slots)", "> x"),
  ).toEqual(["> swiotlb buffer is full (sz: 4096 bytes), total 512 (slots), used 9 (slots)"]);
});

test("a dated line is never a continuation", () => {
  const lines = ["[    1.0] swiotlb buffer is full (sz: 4096 bytes),", "[    1.1] total 512 (slots), used 9 (slots)"];
  expect(whole(...lines)).toEqual([lines[0]]);
});

test("a mark that is broken itself is found", () => {
  expect(whole("a swio=", "tlb buffer", "b")).toEqual(["a swiotlb buffer"]);
});

test("the words of a record go with the line before, and no others", () => {
  expect(whole("DMAR: record", "0x0000000800000010", "    0x0000008000000000", "other", "0x0000000000000000")).toEqual([
    "DMAR: record",
    "0x0000000800000010",
    "    0x0000008000000000",
  ]);
});

test("a message whose device stands at the end of the line before", () => {
  expect(whole("[    1.0] xhci_hcd 0000:0a:00.0:", "swiotlb buffer is full (sz: 4096 bytes)")).toEqual([
    "[    1.0] xhci_hcd 0000:0a:00.0: swiotlb buffer is full (sz: 4096 bytes)",
  ]);
  expect(whole("here is my log:", "swiotlb buffer is full (sz: 4096 bytes)")).toEqual([
    "swiotlb buffer is full (sz: 4096 bytes)",
  ]);
});
