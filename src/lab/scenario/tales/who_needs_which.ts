/** The scenario of who takes which engine, and whether own and foreign pages are translated then. */
import { Direction } from "../../../spec/dma/direction.js";
import { type EngineName, type Platform, plainDevice, selectEngine } from "../../../sw/engine/index.js";
import type { XenModel } from "../../../sw/xen/index.js";
import { lend } from "../lend.js";
import type { Scenario } from "../scenario.js";
import { bytesAt, drive, filled, page, requester, xenStage } from "../stage.js";
import { bytesText, Teller } from "../story.js";
import { fact, flow } from "./pictures.js";

const { fromDevice } = Direction;

interface Machine {
  readonly what: string;
  readonly model: XenModel;
  readonly arch: Platform["arch"];
  readonly platform?: Partial<Platform>;
  readonly behindIommu?: boolean;
  readonly expected: EngineName;
}

const machines: readonly Machine[] = [
  { what: "PV domain 0", model: "p2m", arch: "x86", expected: "swiotlb-xen-x86" },
  { what: "PVH domain 0", model: "vp+iommu", arch: "x86", behindIommu: true, expected: "direct" },
  {
    what: "Arm, mapped 1:1",
    model: "p==m",
    arch: "arm",
    platform: { directMapped: "direct" },
    expected: "swiotlb-xen-arm",
  },
  { what: "Arm, older Xen", model: "p==m", arch: "arm", expected: "swiotlb-xen-arm" },
  {
    what: "Arm, 1:1, device behind an IOMMU",
    model: "p==m",
    arch: "arm",
    platform: { directMapped: "direct" },
    behindIommu: true,
    expected: "swiotlb-xen-arm",
  },
  {
    what: "Arm behind an IOMMU, not 1:1",
    model: "vp+iommu",
    arch: "arm",
    platform: { directMapped: "not-direct" },
    behindIommu: true,
    expected: "direct",
  },
];

export const whoNeedsWhich: Scenario = {
  id: "who-needs-which",
  title: "Who needs swiotlb-xen, and what for",
  quotation: {
    text: "If an IOMMU is available and the DMA-mastering device is behind it, then swiotlb-xen is not necessary.",
    author: "Stefano Stabellini",
    date: "10 September 2021",
    where: "xen-devel, drop SWIOTLB_XEN from PCI_XEN",
  },
  machine: "six kinds of domain 0, each with a page of its own and one of a guest",
  point:
    "x86 PV needs rearranging and translation, Arm 1:1 needs translation of foreign pages alone, and behind an IOMMU a domain needs neither. That a single device is behind one does not yet change Arm's choice.",
  ...{ bugs: [], isOneRun: true },
  picture: (parts) =>
    flow(
      machines.flatMap((m, n) => [
        { id: `m${n}`, text: m.what },
        { id: `e${n}`, text: fact(parts, `${m.what}: engine`) },
      ]),
      machines.map((m, n) => ({
        from: `m${n}`,
        to: `e${n}`,
        text: `own ${fact(parts, `${m.what}: own`)}, foreign ${fact(parts, `${m.what}: foreign`)}`,
      })),
    ),
  run({ seed }) {
    const t = new Teller("six domains");
    for (const m of machines) need(t, m, seed);
    return [t.part];
  },
};

function need(t: Teller, m: Machine, seed: number): void {
  const s = xenStage({ model: m.model, seed });
  const device = { behindIommu: m.behindIommu ?? false };
  const platform: Platform = {
    ...{ arch: m.arch, model: m.model, domain: 0, swiotlb: "auto", memoryEnd: 1024 * page },
    ...m.platform,
  };
  const { engine, because } = selectEngine(platform, plainDevice({ bdf: "0000:00:01.0", ...device }));
  const d = drive(s, engine, { device });
  const exchanges = s.calls.of("memory_exchange");
  const own = s.back.allocPages(0)! * page;
  const mine = d.api.map(own, page, fromDevice);
  const guestPage = s.grants.allocShared()!;
  const f = lend(s, { guestPage });
  const theirs = d.api.map(f.page * page, page, fromDevice);
  for (const mapped of [mine, theirs]) {
    d.port.write(requester, mapped.bus, filled(page, 0x42));
    d.api.unmap(mapped.bus, page, fromDevice);
  }
  t.step(m.what, "maps a page of its own and one of domain 1", {
    [`${m.what}: engine`]: engine,
    because,
    [`${m.what}: own`]: mine.bus === own ? "as numbered" : "translated",
    [`${m.what}: foreign`]: theirs.bus === f.page * page ? "as numbered" : "translated",
    "exchanges for the pool": `${exchanges}`,
  });
  const both = [bytesAt(s.back.memory, own, page), bytesAt(s.kernel.memory, guestPage * page, page)];
  const rearranges = m.model === "p2m";
  t.rule(
    `${m.what}: frames are exchanged only where they must be`,
    exchanges > 0 === rearranges,
    `${exchanges} exchanges`,
  );
  t.rule(`${m.what}: it takes ${m.expected}`, engine === m.expected, engine);
  t.rule(
    `${m.what}: bytes arrive in both pages`,
    both.every((b) => b.every((x) => x === 0x42)),
    both.map((b) => bytesText(b, 4)).join(" and "),
  );
}
