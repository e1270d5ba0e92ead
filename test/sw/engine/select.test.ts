/** Which engine a kernel takes for a device, for all kinds of machine, with the sentence that it gives. */
import { expect, test } from "vitest";
import {
  type DmaDevice,
  type EngineName,
  type Platform,
  plainDevice,
  selectEngine,
} from "../../../src/sw/engine/index.js";

const small = 2 ** 31;
const large = 2 ** 33;
const native: Platform = { arch: "x86", model: "native", domain: 0, swiotlb: "auto", memoryEnd: large };

type Row = readonly [
  what: string,
  platform: Partial<Platform>,
  device: Partial<DmaDevice>,
  engine: EngineName,
  force: boolean,
  says: RegExp,
];

const rows: readonly Row[] = [
  ["bare metal with much memory", {}, {}, "swiotlb", false, /^No hypervisor.*above 4 GiB/],
  ["bare metal with little memory", { memoryEnd: small }, {}, "direct", false, /below 4 GiB: there is no pool\.$/],
  [
    "arm64 with little memory, a device that does not see the cache",
    { arch: "arm", smallBuffersBounce: true, memoryEnd: small },
    { coherent: false },
    "swiotlb",
    false,
    /pool is a small one: for small buffers/,
  ],
  [
    "the same with one that does",
    { arch: "arm", smallBuffersBounce: true, memoryEnd: small },
    {},
    "direct",
    false,
    /the pool is for small buffers of devices that do not see the cache\.$/,
  ],
  ["bare metal, exactly 4 GiB", { memoryEnd: 2 ** 32 }, {}, "direct", false, /below 4 GiB/],
  [
    "a narrow device without a pool",
    { memoryEnd: small },
    { mask: 2 ** 24 - 1 },
    "direct",
    false,
    /what the device does not reach is refused/,
  ],
  ["swiotlb=noforce", { swiotlb: "noforce" }, {}, "direct", false, /Swiotlb=noforce: there is no pool/],
  [
    "swiotlb=force with little memory",
    { swiotlb: "force", memoryEnd: small },
    {},
    "swiotlb",
    true,
    /swiotlb=force: all/,
  ],
  ["an encrypted guest", { encrypted: true, memoryEnd: small }, {}, "swiotlb", true, /encrypted, so all DMA/],
  ["x86 PV dom0", { model: "p2m" }, {}, "swiotlb-xen-x86", false, /dom0: its frames lie anywhere/],
  ["x86 PV dom0, forced", { model: "p2m", swiotlb: "force" }, {}, "swiotlb-xen-x86", true, /translates/],
  ["x86 PV dom0, noforce", { model: "p2m", swiotlb: "noforce" }, {}, "swiotlb-xen-x86", false, /paravirtualised/],
  [
    "x86 PV guest with a device passed through",
    { model: "p2m", domain: 3, passthrough: true },
    {},
    "swiotlb-xen-x86",
    false,
    /a guest with PCI devices/,
  ],
  ["x86 PV guest without", { model: "p2m", domain: 3, memoryEnd: small }, {}, "direct", false, /take grants/],
  ["PVH dom0 behind Xen's IOMMU", { model: "vp+iommu" }, { behindIommu: true }, "swiotlb", false, /set up an IOMMU/],
  [
    "HVM guest behind Xen's IOMMU",
    { model: "vp+iommu", domain: 2, memoryEnd: small },
    { behindIommu: true },
    "direct",
    false,
    /needs nothing of its own/,
  ],
  [
    "a guest that nothing helps",
    { model: "vp", domain: 2, memoryEnd: small },
    {},
    "direct",
    false,
    /reaches memory of others/,
  ],
  [
    "Arm dom0, mapped directly",
    { arch: "arm", model: "p==m", directMapped: "direct" },
    {},
    "swiotlb-xen-arm",
    false,
    /^Xen says that this domain is mapped directly.*must be translated\.$/,
  ],
  [
    "Arm dom0, and a device behind an IOMMU",
    { arch: "arm", model: "p==m", directMapped: "direct" },
    { behindIommu: true },
    "swiotlb-xen-arm",
    false,
    /behind an IOMMU changes nothing/,
  ],
  ["Arm dom0 on older Xen", { arch: "arm", model: "p==m" }, {}, "swiotlb-xen-arm", false, /says nothing.*this is dom0/],
  [
    "Arm guest on older Xen",
    { arch: "arm", model: "p==m", domain: 1, memoryEnd: small },
    {},
    "direct",
    false,
    /where they are numbered/,
  ],
  [
    "Arm guest, mapped directly",
    { arch: "arm", model: "p==m", domain: 1, directMapped: "direct" },
    {},
    "swiotlb-xen-arm",
    false,
    /mapped directly/,
  ],
  [
    "Arm dom0 that is not mapped directly",
    { arch: "arm", model: "p==m", directMapped: "not-direct", memoryEnd: small },
    { behindIommu: true },
    "direct",
    false,
    /not mapped directly, so an IOMMU translates/,
  ],
  [
    "ia64 guest that asks the hypervisor",
    { arch: "ia64", model: "vp+hypercall", domain: 1 },
    {},
    "software-iommu",
    false,
    /asks the hypervisor for each page/,
  ],
  [
    "ia64 dom0 of 2006",
    { arch: "ia64", model: "p==m", memoryEnd: small },
    {},
    "direct",
    false,
    /where they are numbered/,
  ],
  [
    "a virtio device that dom1 serves, on Arm dom0 mapped directly",
    { arch: "arm", model: "p==m", directMapped: "direct" },
    { grantBackend: 1 },
    "grant",
    false,
    /^Domain 1 serves this device.*before every other choice/,
  ],
  ["a device of grants in an encrypted guest", { encrypted: true }, { grantBackend: 0 }, "grant", false, /grants/],
];

for (const [what, platform, device, engine, force, says] of rows) {
  test(`${what}: ${engine}${force ? ", all bounced" : ""}`, () => {
    const chosen = selectEngine({ ...native, ...platform }, plainDevice({ bdf: "0000:00:03.0", ...device }));
    expect([chosen.engine, chosen.force]).toEqual([engine, force]);
    expect(chosen.because).toMatch(says);
    expect(chosen.because).toMatch(/^[A-Z].*\.$/);
  });
}
