/** Device mappings that a guest asks for: frames that lie apart follow each other on the bus. */
import { expect, test } from "vitest";
import { Errno } from "../../../src/spec/xen/errno.js";
import { type IommuMap, iommuMap, iommuUnmap, leftovers } from "../../../src/sw/xen/index.js";
import { bytes, machine, readAt } from "./machine.js";

const page = 4096;
const start = (o = {}) => machine({ model: "vp+iommu", deviceMap: true, ...o });

test("pages whose frames lie apart are one range for the device, own and foreign ones", () => {
  const m = start();
  const ref = m.grants.grant(0, m.grants.allocShared()!, false);
  const [foreign] = m.foreign.map([{ domain: 1, ref, readOnly: false }]);
  const own = [m.back.allocPages(0)!, m.back.allocPages(0)!];
  const pages = [own[0]!, foreign!.page, own[1]!];
  expect(iommuMap(m.h, m.d0, { dfn: 0x100, pages, writable: true })).toBe(0);
  const data = Uint8Array.from({ length: 2 * page }, (_, n) => n % 251);
  expect(m.bus.write(8, 0x100 * page + 2048, data)).toBe("done");
  expect(readAt(m.back.memory, own[0]! * page + 2048, 3)).toEqual([...data.subarray(0, 3)]);
  expect(readAt(m.kernel.memory, m.grants.live.get(ref)! * page, 3)).toEqual([...data.subarray(2048, 2051)]);
  expect(readAt(m.back.memory, own[1]! * page, 3)).toEqual([...data.subarray(6144, 6147)]);
  m.foreign.unmap([foreign!]);
  expect(m.bus.read(8, 0x101 * page, new Uint8Array(1))).toBe("fault");
  expect(leftovers(m.h, m.gate).map((l) => [l.what, l.count])).toEqual([["device entry", 3]]);
  expect(iommuUnmap(m.h, m.d0, { dfn: 0x100, count: 3 })).toBe(0);
  expect(m.bus.read(8, 0x100 * page, new Uint8Array(1))).toBe("fault");
  expect([m.gate.violations, leftovers(m.h, m.gate)]).toEqual([[], []]);
});

const rows: readonly (readonly [what: string, status: number, o: IommuMap])[] = [
  ["a page without a frame", Errno.invalid, { dfn: 5, pages: [90000], writable: false }],
  ["a page that is no number", Errno.invalid, { dfn: 5, pages: [Number.NaN], writable: false }],
  ["a device frame below none", Errno.invalid, { dfn: -1, pages: [1], writable: false }],
  ["device frames beyond 48 bits of address", Errno.invalid, { dfn: 2 ** 36 - 1, pages: [1, 2], writable: false }],
  ["no pages", Errno.invalid, { dfn: 5, pages: [], writable: false }],
  ["device frames in use", Errno.exists, { dfn: 6, pages: [3, 4], writable: false }],
  ["a page mapped for reading, for a device to write", Errno.perm, { dfn: 5, pages: [1024], writable: true }],
  ["a page mapped for reading, for a device to read", 0, { dfn: 5, pages: [1024], writable: false }],
];

for (const [what, status, o] of rows) {
  test(`${what}: ${status}`, () => {
    const m = start();
    const ref = m.grants.grant(0, m.grants.allocShared()!, true);
    expect(m.foreign.map([{ domain: 1, ref, readOnly: true }])[0]!.page).toBe(1024);
    iommuMap(m.h, m.d0, { dfn: 7, pages: [5], writable: false });
    expect(iommuMap(m.h, m.d0, o)).toBe(status);
    expect(m.d0.deviceMap!.size).toBe(status === 0 ? 2 : 1);
    expect(m.bus.write(8, 7 * page, bytes(1))).toBe("fault");
  });
}

test("a frame that leaves the domain leaves its devices' reach", () => {
  const m = machine({ model: "vp+hypercall", deviceMap: true });
  const at = m.back.allocPages(1)!;
  iommuMap(m.h, m.d0, { dfn: 9, pages: [at], writable: true });
  expect(m.bus.write(8, 9 * page, bytes(1))).toBe("done");
  m.back.createContiguous(at * page, 1, 32);
  expect(m.bus.write(8, 9 * page, bytes(1))).toBe("fault");
  expect(m.gate.violations).toEqual([]);
});

test("without such a table the call does not exist", () => {
  const m = machine();
  expect(iommuMap(m.h, m.d0, { dfn: 1, pages: [1], writable: true })).toBe(Errno.unsupported);
  expect(iommuUnmap(m.h, m.d0, { dfn: 1, count: 1 })).toBe(Errno.unsupported);
});
