/** Scenarios of buffers whose pages are no neighbours on the bus: who notices, who joins, who splits. */
import { Direction } from "../../../spec/dma/direction.js";
import { type ListEntry, listOf } from "../../../sw/dma/index.js";
import type { EngineName } from "../../../sw/engine/index.js";
import type { Guest, XenModel } from "../../../sw/xen/index.js";
import { oddlyPlaced } from "../lend.js";
import type { Scenario } from "../scenario.js";
import { bytesAt, type Driven, drive, filled, page, requester, type XenStage, xenStage } from "../stage.js";
import { bytesText, placeWords, Teller } from "../story.js";
import { fact, flow } from "./pictures.js";
import { ofEngine, ofXen } from "./sharing.js";

const { toDevice } = Direction;
const armThread = "xen-devel, drop SWIOTLB_XEN from PCI_XEN";
const vpThread = "xen-devel, VP problematic for backend drivers on IA64?";

const frames = (guest: Guest, phys: number, count: number): string =>
  Array.from({ length: count }, (_, n) => placeWords(guest.physToBus(phys + n * page) / page)).join(" ");

/** Where pages really are, whatever the device calls them. */
const machineFrames = (s: XenStage, phys: number, count: number): string =>
  Array.from({ length: count }, (_, n) => placeWords(s.d0.map.frameOf(phys / page + n))).join(" ");

/** Different bytes in each page, so that one that is read for another shows. */
function pattern(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, k) => ((k >> 8) + 1) & 0xff);
}

const same = (a: Uint8Array, b: Uint8Array): boolean => a.every((x, k) => x === b[k]);

export const missingHandle: Scenario = {
  id: "missing-handle",
  title: "Memory that is contiguous and has no address",
  quotation: {
    text: "This in turn allows dropping the stubs for xen_{create,destroy}_contiguous_region(), the former of which was broken anyway - it failed to set the DMA handle output.",
    author: "Jan Beulich",
    date: "7 September 2021",
    where: armThread,
  },
  machine:
    "a domain 0 behind an IOMMU (PVH), whose memory needs no rearranging, and a paravirtualised one, whose memory does",
  point: "The handle of a region is where the device finds it, also where nothing had to be exchanged.",
  bugs: ["handle-not-set", "stub-without-handle"],
  picture: (parts) =>
    flow(
      [
        { id: "m", text: `memory at ${fact(parts, "memory")}` },
        { id: "h", text: `handle ${fact(parts, "handle")}` },
        { id: "d", text: "device" },
      ],
      [
        { from: "m", to: "h", text: "create_contiguous_region" },
        { from: "h", to: "d", text: "is told to the device" },
        { from: "d", to: "m", text: "must lead back" },
      ],
    ),
  run({ seed, bugs }) {
    const main = new Teller("with the handle");
    handles(main, seed, bugs);
    if (bugs.length > 0) return [main.part];
    const stub = new Teller("the stub of kernels until 2021", true);
    handles(stub, seed, ["handle-not-set", "stub-without-handle"]);
    return [main.part, stub.part];
  },
};

function handles(t: Teller, seed: number, bugs: readonly string[]): void {
  const s = xenStage({ model: "vp+iommu", seed, bugs: ofXen(bugs) });
  const at = s.back.allocPages(2)! * page;
  const made = s.back.createContiguous(at, 2, 32);
  t.step("PVH domain 0", "makes four pages contiguous for a device with 32 address bits", {
    memory: placeWords(at),
    said: made.ok ? "success" : "failure",
    handle: placeWords(made.handle),
  });
  s.bus.write(requester, made.handle, filled(64, 0xab));
  const seen = bytesAt(s.back.memory, at, 64);
  t.step("device", "writes 64 bytes (ab) at the handle", { "the memory holds": bytesText(seen) });
  t.rule(
    "the handle leads to the memory, behind an IOMMU too",
    seen.every((b) => b === 0xab),
    bytesText(seen),
  );

  const pv = xenStage({ seed });
  const d = drive(pv, "swiotlb-xen-x86", { bugs: ofEngine(bugs) });
  const before = pv.calls.of("memory_exchange");
  const got = d.api.alloc(16384)!;
  t.step("PV domain 0", "allocates 16 KiB of coherent memory", {
    "memory of it": placeWords(got.phys),
    "its frames": frames(pv.back, got.phys, 4),
    exchanges: `${pv.calls.of("memory_exchange") - before}`,
    "its handle": placeWords(got.bus),
  });
  d.port.write(requester, got.bus, filled(64, 0xcd));
  const held = bytesAt(pv.back.memory, got.phys, 64);
  t.step("device", "writes 64 bytes (cd) at that handle", { "that memory holds": bytesText(held) });
  t.rule(
    "the handle leads to the memory, paravirtualised too",
    held.every((b) => b === 0xcd),
    bytesText(held),
  );
}

interface Crossing {
  readonly what: string;
  readonly model: XenModel;
  readonly engine: EngineName;
}

const crossings: readonly Crossing[] = [
  { what: "P2M, swiotlb-xen", model: "p2m", engine: "swiotlb-xen-x86" },
  { what: "VP, asking the hypervisor", model: "vp+hypercall", engine: "software-iommu" },
  { what: "P==M", model: "p==m", engine: "swiotlb-xen-arm" },
  { what: "VP behind an IOMMU", model: "vp+iommu", engine: "direct" },
];

export const straddle: Scenario = {
  id: "straddle",
  title: "One buffer, several pieces of the bus",
  quotation: {
    text: "If so, a simple DMA may need to be translated into a scatter-gather (or a scatter-gather into a more complex scatter-gather).",
    author: "Dan Magenheimer",
    date: "25 January 2006",
    where: vpThread,
  },
  machine: "the same buffer of four pages under four memory models",
  point:
    "With a P2M the buffer bounces, a software IOMMU makes a scatter list of it, and a hardware IOMMU joins the pages again (a gather that costs nothing).",
  bugs: ["streaming-aligned"],
  picture: (parts) =>
    flow(
      [
        { id: "b", text: "buffer of 4 pages" },
        ...crossings.map((c, n) => ({ id: `c${n}`, text: `${c.what}: ${fact(parts, `${c.what} gives`)}` })),
      ],
      crossings.map((c, n) => ({ from: "b", to: `c${n}`, text: c.model })),
    ),
  run({ seed, bugs }) {
    const t = new Teller("four pages");
    const rows: string[][] = [];
    for (const c of crossings) {
      const s = xenStage({ model: c.model, seed });
      const d = drive(s, c.engine, { bugs: ofEngine(bugs) });
      const phys = s.back.allocPages(2)! * page;
      const sent = pattern(4 * page);
      d.memory.write(phys, sent);
      const capable = d.engine.capable(d.device, s.back.physToBus(phys), phys, 4 * page);
      const single = d.api.map(phys, 4 * page, toDevice);
      const [one, became] = [readBus(d, [{ bus: single.bus, size: 4 * page }]), single.cause];
      d.api.mappingError(single.bus);
      d.api.unmap(single.bus, 4 * page, toDevice);
      const entries: ListEntry[] = [{ phys, size: 4 * page }];
      const list = d.api.mapList(entries, toDevice);
      const listed = readBus(d, list.segments);
      d.api.unmapList(list, 1, toDevice);
      const segments = `${list.count} segment${list.count === 1 ? "" : "s"}${list.parts[0]!.mapped.bounced ? ", bounced" : ""}`;
      t.step(c.what, "maps four pages, alone and as a list of one entry", {
        [`${c.what}: frames`]: frames(s.back, phys, 4),
        [`${c.what} gives`]: segments,
      });
      rows.push([
        c.what,
        machineFrames(s, phys, 4),
        frames(s.back, phys, 4),
        capable ? "yes" : "no",
        single.bounced ? `bounced: ${became}` : became,
        segments,
      ]);
      t.rule(
        `${c.what}: the device reads the buffer's bytes`,
        same(one, sent) && same(listed, sent),
        bytesText(listed),
      );
      if (c.model === "p2m")
        t.rule(
          "a buffer that is not contiguous on the bus is not given to the device as it is",
          !capable && single.bounced,
          became,
        );
    }
    t.grid("all", "what becomes of four pages", {
      title: "One buffer of 16 KiB",
      columns: ["model", "machine frames", "bus frames", "capable", "mapped alone", "mapped as a list"],
      rows,
    });
    const s = xenStage({ seed });
    const d = drive(s, "swiotlb-xen-x86", { bugs: ofEngine(bugs) });
    const at = oddlyPlaced(s.back);
    const m = d.api.map(at, 2 * page, toDevice);
    t.step("P2M, swiotlb-xen", "maps two pages that are neighbours on the bus, though not aligned there", {
      "their frames": frames(s.back, at, 2),
      "and gets": m.bounced ? `bounced: ${m.cause}` : m.cause,
    });
    t.rule("a buffer bounces only when the device cannot use it where it is", !m.bounced, m.cause);
    return [t.part];
  },
};

function readBus(d: Driven, segments: readonly { readonly bus: number; readonly size: number }[]): Uint8Array {
  const into = new Uint8Array(segments.reduce((sum, s) => sum + s.size, 0));
  let at = 0;
  for (const { bus, size } of segments) {
    d.port.read(requester, bus, into.subarray(at, at + size));
    at += size;
  }
  return into;
}

export const merge: Scenario = {
  id: "merge",
  title: "Only neighbours on the bus become one segment",
  quotation: {
    text: "Other modifications we've made try to avoid this happening (preventing block request merging across boundries that aren't machine and phys contiguous, skb slab cache).",
    author: "Ian Pratt",
    date: "25 January 2006",
    where: vpThread,
  },
  machine: "a paravirtualised domain 0 whose block layer makes one list of eight pages that follow each other",
  point: "A block layer that looks at physical addresses alone makes one entry of them, which straddles and bounces.",
  bugs: [],
  picture: (parts) =>
    flow(
      [
        { id: "v", text: "8 pages that follow each other" },
        { id: "a", text: `entries: ${fact(parts, "entries")}` },
        { id: "b", text: `entries: ${fact(parts.slice(1), "entries")}` },
        { id: "x", text: `bounced: ${fact(parts, "bounced bytes")}` },
        { id: "y", text: `bounced: ${fact(parts.slice(1), "bounced bytes")}` },
      ],
      [
        { from: "v", to: "a", text: "physical and bus neighbours" },
        { from: "v", to: "b", text: "physical neighbours" },
        { from: "a", to: "x", text: "mapped" },
        { from: "b", to: "y", text: "mapped" },
      ],
    ),
  run({ seed }) {
    const part = (title: string, contrast: boolean, byPhysAlone: boolean) => {
      const t = new Teller(title, contrast);
      merging(t, xenStage({ seed }), byPhysAlone);
      return t.part;
    };
    return [part("the restriction", false, false), part("merging by physical addresses alone", true, true)];
  },
};

function merging(t: Teller, s: XenStage, byPhysAlone: boolean): void {
  const d = drive(s, "swiotlb-xen-x86");
  const first = s.back.allocPages(3)!;
  // Two of the eight happen to be neighbours on the bus.
  s.back.createContiguous((first + 2) * page, 1, 32);
  const sent = pattern(8 * page);
  d.memory.write(first * page, sent);
  const vectors = Array.from({ length: 8 }, (_, n) => ({ phys: (first + n) * page, size: page }));
  t.step("block layer", "has a request of eight pages", {
    pages: `${placeWords(first)} to ${placeWords(first + 7)}`,
    frames: frames(s.back, first * page, 8),
  });
  const entries = byPhysAlone ? [{ phys: first * page, size: 8 * page }] : listOf(d.engine, d.device, vectors).entries;
  t.step("block layer", "makes entries of them", {
    entries: entries.map((e) => `${e.size / page}`).join(" + ") + " pages",
  });
  const list = d.api.mapList(entries, toDevice);
  const bounced = list.parts.filter((p) => p.mapped.bounced).reduce((sum, p) => sum + p.size, 0);
  t.step("swiotlb-xen", "maps the list", { segments: `${list.count}`, "bounced bytes": `${bounced}` });
  const seen = readBus(d, list.segments);
  d.api.unmapList(list, entries.length, toDevice);
  t.rule("no entry bounces for crossing pages that are no neighbours", bounced === 0, `${bounced} bytes copied`);
  t.rule("the device reads the request's bytes", same(seen, sent), bytesText(seen));
}
