/**
 * Fault lines of units that say all in one line: virtio-iommu, Apple's DART, and those of systems on a chip.
 *
 * Source: Linux drivers/iommu: virtio-iommu.c (viommu_fault_handler), apple-dart.c, exynos-iommu.c, rockchip-iommu.c,
 * mtk_iommu.c, mtk_iommu_v1.c, ipmmu-vmsa.c, sun50i-iommu.c, omap-iommu.c, riscv/iommu.c; drivers/memory/tegra/mc.c.
 */
import { parseHex } from "../../../base/hex.js";
import { type FaultFamily, type Said, wide } from "./fault.js";

export const virtioIommu: FaultFamily = {
  unit: "virtio-iommu",
  mark: /fault from EP \d/,
  begins: [
    [
      /(?:\b(virtio\d{1,4}): )?(\w[\w ]{0,20}?) fault from EP (\d{1,10})(?: PASID (\d{1,7}))?(?: at (?:0x)?([0-9a-f]{1,16}) \[([RWX]{0,3})\])?/,
      (m) => ({
        topic: "access",
        says: m[2]!,
        by: m[1] ?? null,
        stream: Number(m[3]),
        pasid: m[4] === undefined ? null : Number(m[4]),
        address: m[5] === undefined ? null : wide(m[5]),
        write: m[6]?.includes("W") ? true : m[6]?.includes("R") ? false : null,
      }),
    ],
  ],
  goesOn: [],
};

export const dart: FaultFamily = {
  unit: "apple-dart",
  mark: /translation fault: status/,
  begins: [
    [
      /(?:\b(\S{1,40}): )?translation fault: status:0x([0-9a-f]{1,8}) stream:(\d{1,4}) code:0x([0-9a-f]{1,4}) \(([\w ]{1,40})\) at 0x([0-9a-f]{1,16})/,
      (m) => ({
        topic: "access",
        says: m[5]!,
        by: m[1] ?? null,
        flags: parseHex(m[2]!),
        stream: Number(m[3]),
        code: parseHex(m[4]!),
        address: wide(m[6]!),
        write: m[5] === "WRITE FAULT" ? true : m[5] === "READ FAULT" ? false : null,
      }),
    ],
  ],
  goesOn: [],
};

const one = (driver: string, says: string, address: string, more: Partial<Said> = {}): Said => ({
  topic: "access",
  says,
  driver,
  address: wide(address),
  ...more,
});
const direction = (word: string | undefined): boolean | null => (word === undefined ? null : /^w/i.test(word));

export const onChip: FaultFamily = {
  unit: "other",
  mark: /[Pp]age fault (?:at|for)|FAULT occurred at|fault type=0x|Unhandled fault: status|decode error|fault: (?:ttbr0|iova)|SMMU translation error|devid: 0x|iotval|\.mmu: errs:0x/,
  begins: [
    [
      /(?:\b([\w.:-]{1,60}): )?(?:\[(READ|WRITE)\] )?([A-Z][A-Z0-9 -]{2,40}?) FAULT occurred at 0x([0-9a-f]{1,16})/,
      (m) => one("exynos-sysmmu", m[3]!, m[4]!, { device: m[1] ?? null, write: direction(m[2]) }),
    ],
    [
      /Page fault at (?:0x)?([0-9a-f]{1,16}) of type (read|write)/,
      (m) => one("rk_iommu", "PAGE", m[1]!, { write: direction(m[2]) }),
    ],
    [
      /fault type=0x([0-9a-f]{1,8}) iova=0x([0-9a-f]{1,16}) pa=0x[0-9a-f]{1,16}.{0,40}?larb=(\d{1,3}).{0,20}? port=(\d{1,3})(?:\)?.{0,40}? (read|write))?/,
      (m) =>
        one("mtk-iommu", "translation", m[2]!, {
          device: `larb ${m[3]} port ${m[4]}`,
          flags: parseHex(m[1]!),
          write: direction(m[5]),
        }),
    ],
    [
      /Unhandled fault: status 0x([0-9a-f]{1,8}) iova 0x([0-9a-f]{1,16})/,
      (m) => one("ipmmu-vmsa", "translation", m[2]!, { flags: parseHex(m[1]!) }),
    ],
    [
      /Page fault for 0x([0-9a-f]{1,16}) \(master (\d{1,3}), dir (\w{1,10})\)/,
      (m) => one("sun50i-iommu", "PAGE", m[1]!, { device: `master ${m[2]}`, write: /wr/i.test(m[3]!) }),
    ],
    [
      /tegra-mc.{0,60}?: (\w{1,20}): (read|write) @0x([0-9a-f]{1,16}):(.{0,120})/,
      (m) =>
        /SMMU|Page fault/.test(m[4]!)
          ? one("tegra-mc", "SMMU", m[3]!, { device: m[1]!, write: direction(m[2]) })
          : one("tegra-mc", "EMEM address decode", m[3]!, { device: m[1]!, write: direction(m[2]) }),
    ],
    // Adreno's driver answers for its SMMU.
    [
      /\*\*\* (?:gpu )?fault: (?:ttbr0=[0-9a-f]{1,16} )?iova=(?:0x)?([0-9a-f]{1,16}),? dir=(READ|WRITE) type=(\w{1,20})/,
      (m) => one("adreno", m[3]!, m[1]!, { device: "gpu", write: direction(m[2]) }),
    ],
    [
      /errs:0x([0-9a-f]{1,8}) da:0x([0-9a-f]{1,16}) pgd/,
      (m) => one("omap-iommu", "translation", m[2]!, { flags: parseHex(m[1]!) }),
    ],
    [
      /Fault (\d{1,5}) devid: 0x([0-9a-f]{1,8}) iotval: ([0-9a-f]{1,16}) iotval2: ([0-9a-f]{1,16})/,
      (m) => one("riscv-iommu", "cause", m[3]!, { code: Number(m[1]), stream: parseHex(m[2]!) }),
    ],
  ],
  goesOn: [],
};
