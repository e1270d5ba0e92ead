/** Devices and addresses as people write them. */
import { expect, test } from "vitest";
import {
  deviceName,
  isAsked,
  parseAddress,
  parseDevice,
  parseDeviceAddress,
} from "../../../src/audit/inspect/device_name.js";

test.each([
  [{ segment: 0, requester: 0x18 }, "0000:00:03.0"],
  [{ segment: 1, requester: 0xffff }, "0001:ff:1f.7"],
  [{ segment: 0x10000, requester: 0x100 }, "10000:01:00.0"],
  [{ segment: 0, requester: 0x12345 }, "sid:0x12345"],
  [{ segment: 2, requester: 0x12345 }, "0002:sid:0x12345"],
])("%o is %s, and back", (id, name) => {
  expect(deviceName(id)).toBe(name);
  expect(isAsked({ ...id, pasid: null }, parseDevice(name))).toBe(true);
});

test.each([
  ["00:03.0", { segment: null, requester: 0x18, pasid: null }],
  ["0000:00:03.0", { segment: 0, requester: 0x18, pasid: null }],
  ["1:2:1F.7/5", { segment: 1, requester: 0x2ff, pasid: 5 }],
  ["00:03.0/0xfffff", { segment: null, requester: 0x18, pasid: 0xfffff }],
  ["sid:24", { segment: null, requester: 24, pasid: null, isStream: true }],
])("%s", (text, asked) => expect(parseDevice(text)).toEqual(asked));

test.each(["", "3.0", "00:20.0", "00:03.8", "00:03.0/1048576", "sid:0x1ffffffff", "00:03.0/x", "nvme0"])(
  "%j is no device, and the message says what is",
  (text) => expect(() => parseDevice(text)).toThrow(/^device: .*a device is written 00:03\.0/),
);

test("a device and its address", () => {
  expect(parseDeviceAddress("0000:00:03.0:0xfffc0000")).toEqual({
    segment: 0,
    requester: 0x18,
    pasid: null,
    iova: 0xfffc0000n,
  });
  expect(parseDeviceAddress("00:03.0/7:ffffffffffffffff")).toMatchObject({ pasid: 7, iova: 2n ** 64n - 1n });
  expect(() => parseDeviceAddress("00:03.0")).toThrow(/^device/);
  expect(() => parseDeviceAddress("00:03.0:lots")).toThrow(/^address: "lots"; an address is hexadecimal/);
});

test("addresses have at most 64 bits", () => {
  expect(parseAddress("0x44E9000")).toBe(0x44e9000n);
  expect(() => parseAddress("0x10000000000000000")).toThrow(/^address/);
  expect(() => parseAddress("-1")).toThrow(/^address/);
});

test("a PASID that is asked for is not any PASID", () => {
  const device = { segment: 0, requester: 0x18, pasid: 3 };
  expect(isAsked(device, parseDevice("00:03.0"))).toBe(true);
  expect(isAsked(device, parseDevice("00:03.0/3"))).toBe(true);
  expect(isAsked(device, parseDevice("00:03.0/4"))).toBe(false);
  expect(isAsked(device, parseDevice("1:00:03.0"))).toBe(false);
});
