/** A function's configuration space with every capability that is read, and with each byte of it changed: each reading whole. */
import { expect, test } from "vitest";
import { fromConfiguration } from "../../../src/audit/inspect/pci/configuration.js";
import { virtualFunctionsOf } from "../../../src/audit/inspect/pci/device.js";
import { endpointsOf, isMadeSegment, sendsNothing, sourceOf } from "../../../src/audit/inspect/pci/senders.js";
import { hashOfAll } from "../altered_text.js";

function space(headerType: number, words: Readonly<Record<number, number>>): Uint8Array {
  const bytes = new Uint8Array(4096);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x1572_8086, true);
  view.setUint32(4, 0x0010_0007, true);
  view.setUint32(8, 0x0200_0001, true);
  view.setUint32(12, headerType << 16, true);
  for (const [at, word] of Object.entries(words)) view.setUint32(Number(at), word, true);
  return bytes;
}

const capabilities = {
  ...{ 256: 0x1401_0001, 320: 0x1601_0010, 328: 0x11, 336: 0x2, 340: 0x0001_0010 },
  ...{ 352: 0x1701_000f, 356: 0x8000_0000, 368: 0x0001_001b, 372: 0x0001_0000 },
};
const device = space(0, {
  ...{ 16: 0xfe00_000c, 20: 0x12, 24: 0xe001, 28: 0xfd00_0000, 32: 0, 36: 0xfc00_0008 },
  ...capabilities,
});
const bridge = space(1, {
  ...{ 16: 0xfe00_0004, 20: 0, 24: 0x0005_0300, 32: 0xfd10_fd00, 36: 0xf011_f001, 40: 2, 44: 3 },
  ...capabilities,
});

test.each([
  ["a device", device],
  ["a bridge", bridge],
])("%s", (_, bytes) => {
  const read = (of: Uint8Array) => fromConfiguration(of, 1, 0x18);
  const places = [...Array(0x40).keys(), ...Array.from({ length: 0x80 }, (_, n) => 0x100 + n)];
  const rows = places.flatMap((at, n) => {
    if (n % 4 !== 0) return [];
    const changed = [0, 1, 2, 3].flatMap((k) =>
      [1, 0x10, 0x80, 0xff].map((by) => JSON.stringify(read(bytes.with(at + k, bytes[at + k]! ^ by)))),
    );
    return [`${at.toString(16)}: ${hashOfAll(changed, (text) => text)}`];
  });
  expect([read(bytes), rows.join("\n")]).toMatchSnapshot();
});

test("virtual functions are numbered up to the last id", () => {
  const of = (requester: number, count: number, offset: number, stride: number) =>
    virtualFunctionsOf(requester, { count, offset, stride });
  expect([of(8, 0, 1, 1), of(8, 1, 0, 1), of(8, 0x10000, 1, 1), of(8, 3, 16, 2), of(8, 2, 1, 0)]).toEqual([
    ...[null, null, null],
    ...[
      [24, 26, 28],
      [9, 9],
    ],
  ]);
  expect(of(0xfffe, 3, 1, 1)).toEqual([0xffff]);
  expect(of(8, 0xffff, 1, 1)!.length).toBe(0xffff - 8);
});

test("who sends as whom", () => {
  const known = { segment: 0, requester: 0x70, about: "", bars: [], buses: null };
  const named = { ...known, text: "RAID bus controller: Intel Corporation Volume Management Device" };
  const bus = [
    known,
    { ...known, vendor: 0x8086, device: 0x201d },
    { ...known, vendor: 0x8086, device: 0xb06f },
    { ...known, vendor: 0x8086, device: 0x1234 },
    { ...known, vendor: 0x1022, device: 0x201d },
    ...[named, { ...named, class: 0x0104 }, { ...named, class: 0x0604 }, { ...named, text: "an xVMD" }],
    ...[
      { ...named, text: "a VMD" },
      { ...named, segment: 0x10000 },
      { ...known, vendor: 0x8086, device: null },
    ],
  ];
  expect(bus.map((b) => endpointsOf(0x10000, [b])!.length)).toEqual([0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 0, 0]);
  expect([endpointsOf(0xffff, bus), isMadeSegment(0xffff), isMadeSegment(0x10000)]).toEqual([null, false, true]);
  expect([0x0600, 0x0806, 0x0604, null].map((c) => sendsNothing({ ...known, class: c }))).toEqual([
    true,
    true,
    false,
    false,
  ]);
  const aliases = [{ segment: 1, first: 0x10, last: 0x17, source: 0x8 }];
  const sources = [0xf, 0x10, 0x17, 0x18].flatMap((requester) =>
    [0, 1].map((segment) => sourceOf({ segment, requester }, aliases)),
  );
  expect(sources).toEqual([0xf, 0xf, 0x10, 8, 0x17, 8, 0x18, 0x18]);
});
