/** Any number in any place of any call: a status, no exception, no endless table, and no frame or reference lost. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  addStatusToPhysmap,
  cacheFlush,
  copyGrant,
  decrease,
  exchange,
  getStatusFrames,
  iommuMap,
  iommuUnmap,
  mapGrant,
  populate,
  removeStatusFromPhysmap,
  setupTable,
  setVersion,
  swapGrants,
  transferGrant,
  unmapGrants,
} from "../../../src/sw/xen/index.js";
import { amount } from "../../tier.js";
import { machine } from "./machine.js";

type M = ReturnType<typeof machine>;

const numbers = [0, 1, 2, 3, 5, 7, 8, 9, 12, 40, 255, 256, 511, 512, 2000, 4095, 4096, 2 ** 16, 2 ** 20, 2 ** 31];
const odd = [-1, -4096, 0.5, Number.NaN, Infinity, -Infinity, 2 ** 32 - 1, 2 ** 32, 2 ** 40, 2 ** 53, 2 ** 60];
const nasty = fc.constantFrom(...numbers, ...odd);

const calls: readonly ((m: M, n: readonly number[]) => unknown)[] = [
  (m, [a, b, c, d]) => mapGrant(m.h, m.d0, { flags: a!, domain: b!, ref: c!, page: d! }),
  (m, [a, b, c]) => mapGrant(m.h, m.d0, { flags: 2, domain: 1, ref: 8 + (a! % 4), page: b! + c! }),
  (m, [a, b, c]) => unmapGrants(m.h, m.d0, [{ handle: a!, page: b!, bus: c! }]),
  (m, [a, b, c, d, e]) => {
    const [source, dest] = [
      { domain: a!, at: b!, offset: c! },
      { domain: d!, at: e!, offset: b! },
    ];
    return copyGrant(m.h, m.d0, { source, dest, length: c!, flags: d! });
  },
  (m, [a, b, c]) => transferGrant(m.h, m.d0, { frame: a!, domain: b!, ref: c! }),
  (m, [a, b]) => swapGrants(m.h, m.d, { a: a!, b: b! }),
  (m, [a]) => setupTable(m.h, m.d, a!),
  (m, [a]) => setVersion(m.h, m.d, a!),
  (m, [a, b]) => addStatusToPhysmap(m.h, m.d, { index: a!, page: b! }),
  (m, [a]) => removeStatusFromPhysmap(m.h, m.d, a!),
  (m, [a, b]) => getStatusFrames(m.h, m.d, { count: a!, capacity: b! }),
  (m, [a, b]) => populate(m.h, m.d0, [a!, b!], a!),
  (m, [a, b]) => decrease(m.h, m.d0, [a!, b!]),
  (m, [a, b, c, d, e]) => {
    const out = { domain: a!, order: b!, pages: [c!, d!], bits: e!, results: { words: new Uint32Array(4), first: 0 } };
    return exchange(m.h, m.d0, { in: { domain: 0, order: c!, extents: [d!, e!] }, out, exchanged: a! });
  },
  (m, [a, b]) => cacheFlush(m.h, m.d0, { bus: a!, length: b!, op: "clean" }),
  (m, [a, b]) => iommuMap(m.h, m.d0, { dfn: a!, pages: [b!], writable: true }),
  (m, [a, b]) => iommuUnmap(m.h, m.d0, { dfn: a!, count: Math.min(b!, 1000) }),
  (m, [a, b]) => m.h.setMapping(m.d0, a!, b!),
  (m, [a]) => m.bus.read(8, a!, new Uint8Array(8)),
  (m, [a]) => m.bus.write(8, a!, new Uint8Array(8)),
];

for (const model of ["p2m", "p==m", "vp+iommu"] as const) {
  test(`${model}: nothing that is asked for breaks the hypervisor`, () => {
    const step = fc.tuple(fc.nat(calls.length - 1), fc.array(nasty, { minLength: 5, maxLength: 5 }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const m = machine({ model, frames: 1024, pages: 200, guestPages: 40, deviceMap: model === "vp+iommu" });
        for (let n = 0; n < 4; n++) m.grants.grant(0, m.grants.allocShared()!, n % 2 === 0);
        for (const [call, values] of steps) calls[call]!(m, values);
        const heap = [m.d0, m.d].reduce((sum, d) => sum + d.grants.shared.length + d.grants.status.length, 0);
        expect(m.d0.pages + m.d.pages + heap + m.h.free.count).toBe(1023);
        expect(m.d0.map.length).toBeLessThan(4e6);
        // A count that fell below zero is near 2^32.
        expect(m.h.frames.references.every((count) => count < 1000)).toBe(true);
      }),
      { numRuns: amount(100, 2000) },
    );
  });
}
