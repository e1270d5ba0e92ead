/** Demonstrations of bugs of the engines: swiotlb-xen, forced bouncing, grants as addresses, untrusted devices. */
import { attrMmio, Direction } from "../../../spec/dma/direction.js";
import {
  BounceTable,
  bounceUntrusted,
  consecutiveGrants,
  type EngineBugId,
  type EngineName,
  engineRulesWith,
  engines,
  grantOf,
  linkParts,
  NativeGuest,
  plainDevice,
  todaysEngines,
} from "../../../sw/engine/index.js";
import { lend, oddlyPlaced } from "../lend.js";
import {
  bytesAt,
  type Driven,
  type DriveOptions,
  drive,
  driveNative,
  filled,
  page,
  requester,
  type XenStage,
  type XenStageOptions,
  xenStage,
} from "../stage.js";
import { bytesText, placeWords } from "../story.js";
import { type Demonstration, judge, type Program, solo } from "./demonstration.js";
import { watchRegions } from "./regions.js";

const { toDevice, fromDevice, bidirectional } = Direction;

interface Ground {
  readonly stage?: XenStageOptions;
  readonly drive?: DriveOptions;
  readonly engine?: EngineName;
}

/** A driver in domain 0, or a kernel alone. */
function under(title: string, id: EngineBugId, ground: Ground, program: (s: XenStage, d: Driven) => Program) {
  return solo(title, "driver", (on) => {
    const s = xenStage(ground.stage);
    const { engine = "swiotlb-xen-x86" } = ground;
    return program(s, drive(s, engine, { bugs: on ? [id] : [], ...ground.drive }));
  });
}

function alone(title: string, id: EngineBugId, o: DriveOptions, program: (d: Driven) => Program) {
  return solo(title, "driver", (on) => program(driveNative("swiotlb", { bugs: on ? [id] : [], ...o })));
}

export const engineDemonstrations: Readonly<Record<EngineBugId, Demonstration>> = {
  "foreign-by-phys": under(
    "another domain's page is taken for a bounce slot",
    "foreign-by-phys",
    { stage: { guestPages: 1024 } },
    function* (s, d) {
      const guestPage = d.poolPage + 3;
      const f = lend(s, { guestPage });
      yield `maps domain 1's page ${placeWords(guestPage)} at its own page ${placeWords(f.page)}; the pool is pages ${placeWords(d.poolPage)} to ${placeWords(d.poolPage + 511)}`;
      const m = d.api.map(f.page * page, page, fromDevice);
      yield `maps it for the device: bus ${placeWords(m.bus)}, whose M2P is ${placeWords(s.back.busToPhys(m.bus) / page)}`;
      const taken = d.engine.isBounceBuffer(d.device, m.bus);
      yield judge(
        `asks whether ${placeWords(m.bus)} is a bounce slot: ${taken ? "yes" : "no"}`,
        !taken,
        "the unmap copies over the page and frees a slot of somebody else",
      );
    },
  ),
  "round-trip-only": under(
    "the formula of 2010 is passed by another domain's page",
    "round-trip-only",
    { stage: { guestPages: 1024 } },
    function* (s, d) {
      const at = d.poolPage + 3;
      const f = lend(s, { guestPage: at, page: at });
      const [back, there] = [s.back.busToPhys(f.bus), s.back.physToBus(s.back.busToPhys(f.bus))];
      yield `domain 1's page ${placeWords(at)} stands at domain 0's page ${placeWords(at)}: bus ${placeWords(f.bus)} -> phys ${placeWords(back)} -> bus ${placeWords(there)}`;
      const taken = d.engine.isBounceBuffer(d.device, f.bus);
      yield judge(
        `asks whether ${placeWords(f.bus)} is a bounce slot: ${taken ? "yes" : "no"}`,
        !taken,
        "the round trip succeeds, and the page is domain 1's",
      );
    },
  ),
  "stub-without-handle": under("coherent memory has no bus address", "stub-without-handle", {}, function* (s, d) {
    const at = d.api.alloc(16384)!;
    const bus = s.back.physToBus(at.phys);
    yield judge(
      `allocates 16 KiB at ${placeWords(at.phys)}: handle ${placeWords(at.bus)}; the memory is at ${placeWords(bus)}`,
      at.bus === bus,
      "the device uses memory that is not this buffer",
    );
  }),
  "free-keeps-region": under("freed memory keeps its contiguous frames", "free-keeps-region", {}, function* (s, d) {
    const regions = watchRegions(s.back);
    for (let n = 1; n <= 3; n++) {
      d.api.free(d.api.alloc(16384)!, 16384);
      yield judge(
        `allocates and frees 16 KiB, time ${n}: ${regions.made.size} regions are made and not destroyed`,
        regions.made.size === 0,
        "low contiguous memory is used up",
      );
    }
  }),
  "free-destroys-all": under("a region is destroyed that nobody made", "free-destroys-all", {}, function* (s, d) {
    const regions = watchRegions(s.back);
    const at = d.api.alloc(4096)!;
    yield `allocates one page at ${placeWords(at.phys)}: it lies in one piece as it is`;
    d.api.free(at, 4096);
    yield judge(
      `frees it: ${regions.unpaired} regions were destroyed that were not made`,
      regions.unpaired === 0,
      "frames are exchanged for nothing",
    );
  }),
  "sync-wrong-op": under(
    "what the CPU wrote never leaves its cache",
    "sync-wrong-op",
    { stage: { model: "p==m" }, engine: "swiotlb-xen-arm", drive: { device: { coherent: false } } },
    function* (s, d) {
      const at = s.back.allocPages(0)! * page;
      const m = d.api.map(at, page, bidirectional);
      d.api.syncForCpu(m.bus, page, bidirectional);
      d.memory.write(at, filled(page, 0x77));
      yield `writes 4096 bytes (77) to a buffer at ${placeWords(m.bus)} of a device that does not see the cache`;
      d.api.syncForDevice(m.bus, page, bidirectional);
      const seen = new Uint8Array(page);
      d.port.read(requester, m.bus, seen);
      yield judge(
        `syncs for the device, and the device reads ${bytesText(seen)}`,
        seen.every((b) => b === 0x77),
        "the device reads what was there before",
      );
    },
  ),
  "zero-for-error": under(
    "a refused mapping has the address 0",
    "zero-for-error",
    { drive: { device: { mask: 2 ** 12 - 1 } } },
    function* (s, d) {
      const at = s.back.allocPages(0)! * page;
      const m = d.api.map(at, 100, toDevice);
      yield judge(
        `maps 100 bytes for a device that reaches 4 KiB, less than the pool: bus ${placeWords(m.bus)}`,
        d.api.mappingError(m.bus),
        "the device is told to use address 0",
      );
    },
  ),
  "bus-of-32-bits": under(
    "a bus address above 4 GiB loses its top",
    "bus-of-32-bits",
    {
      stage: { model: "p==m", frames: 2 ** 20 + 2 ** 17, guestPages: 512, seed: 3 },
      engine: "swiotlb-xen-arm",
    },
    function* (s, d) {
      let guestPage = 1;
      while (guestPage < 511 && s.d.map.frameOf(guestPage) < 2 ** 20) guestPage++;
      const f = lend(s, { guestPage });
      yield `maps domain 1's page ${placeWords(guestPage)}: frame ${placeWords(f.bus / page)}, above 4 GiB`;
      const m = d.api.map(f.page * page, 16, toDevice);
      yield judge(
        `maps it for the device: bus ${placeWords(m.bus)}`,
        m.bus === f.bus,
        `the page is at ${placeWords(f.bus)}`,
      );
    },
  ),
  "streaming-aligned": under("a buffer bounces that need not", "streaming-aligned", {}, function* (s, d) {
    const at = oddlyPlaced(s.back);
    yield `has a buffer of two pages, aligned to its size at ${placeWords(at)}; its frames ${placeWords(s.back.physToBus(at) / page)} and ${placeWords(s.back.physToBus(at + page) / page)} are neighbours`;
    const m = d.api.map(at, 2 * page, toDevice);
    yield judge(
      `maps it: ${m.bounced ? `bounced (${m.cause})` : `used where it is, ${placeWords(m.bus)}`}`,
      !m.bounced,
      "the device could use it where it is",
    );
  }),
  "grant-pages-by-size": solo("a page of the buffer is not granted", "driver", (on) =>
    grantPages(xenStage({ guestModel: "vp" }), on ? ["grant-pages-by-size"] : []),
  ),
  "limit-without-force": alone(
    "the reported limit is more than any mapping gets",
    "limit-without-force",
    { force: true },
    function* (d) {
      const limit = d.api.maxMappingBytes();
      yield `asks for the largest mapping: ${limit > 2 ** 40 ? "no limit" : `${limit} bytes`}`;
      const asked = Math.min(limit, 2 ** 19);
      const m = d.api.map(0x4_0000, asked, toDevice);
      yield judge(
        `maps ${asked} bytes on an empty pool: ${m.refused?.words ?? `bus ${placeWords(m.bus)}`}`,
        m.refused === null,
        "what was said to be possible is refused",
      );
    },
  ),
  "mmio-message-unset": alone(
    "a message names an address that nobody asked for",
    "mmio-message-unset",
    { force: true },
    function* (d) {
      d.api.map(0xfe00_0000, 4096, toDevice, attrMmio);
      const line = d.log[0] ?? "";
      yield judge(
        `maps registers at 0xfe000000, which cannot bounce. The log: ${line}`,
        line.includes("0x00000000fe000000"),
        "the address in it was never set",
      );
    },
  ),
  "padding-after-only": solo("an untrusted device sees what was in the slot before", "driver", (on) =>
    padding(on ? ["padding-after-only"] : []),
  ),
  "empty-middle": solo("a buffer without a whole page gets a part of no bytes", "driver", function* (on) {
    const rules = engineRulesWith(todaysEngines.rules, on ? ["empty-middle"] : []);
    const parts = linkParts(rules, { phys: 0x2800, size: 0x900 }, 4096);
    yield judge(
      `links 0x900 bytes at 0x2800 for an untrusted device, in parts of ${parts.map((p) => placeWords(p.size)).join(", ")}`,
      parts.every((p) => p.size > 0),
      "nothing is mapped for a part, and it is unmapped afterwards",
    );
  }),
};

function* grantPages(s: XenStage, bugs: readonly EngineBugId[]): Program {
  const d = driveGrants(s, bugs);
  const first = s.kernel.allocPages(1)!;
  const m = d.map(plainDevice({ bdf: "0000:00:02.0", grantBackend: 0 }), first * page + 0xf00, 0x200, bidirectional, 0);
  yield `maps 0x200 bytes from offset 0xf00 of a page: the address is ${addressWords(m.bus)}`;
  for (const at of [m.bus, m.bus + 0x1ff]) {
    const { reference } = grantOf(at)!;
    const [got] = s.foreign.map([{ domain: 1, ref: reference, readOnly: false }]);
    yield judge(
      `the serving domain maps reference ${reference}: status ${got!.status}`,
      got!.status === 0,
      "a byte of the mapping lies in a page that is not granted",
    );
  }
}

const driveGrants = (s: XenStage, bugs: readonly EngineBugId[]) =>
  engines.grant.build({ guest: s.kernel, grants: consecutiveGrants(s.grants), bugs });

function* padding(bugs: readonly EngineBugId[]): Program {
  const { memory } = new NativeGuest(256);
  memory.fill(0, 256 * page, 0x5e);
  yield "all slots hold what others left there (5e)";
  const table = new BounceTable(memory, { start: 0x40000, slots: 128, areas: 1 }, { growth: null });
  const rules = engineRulesWith(todaysEngines.rules, bugs);
  memory.fill(0x2a10, 0x300, 0x11);
  const call = { phys: 0x2a10, size: 0x300, direction: toDevice, attributes: 0 };
  const device = plainDevice({ bdf: "0000:00:03.0", minAlignMask: page - 1, untrusted: true });
  const at = bounceUntrusted({ memory, table, rules }, device, call, page);
  const seen = bytesAt(memory, at - (at % page), page);
  const left = seen.filter((b) => b === 0x5e).length;
  yield judge(
    `maps 0x300 bytes (11) at offset 0xa10 for an untrusted device, which reaches the whole page: ${bytesText(seen)}`,
    left === 0,
    `${left} bytes of others are in it`,
  );
}

function addressWords(bus: number): string {
  const { reference, offset } = grantOf(bus)!;
  return `bit 63, reference ${reference}, offset ${placeWords(offset)}`;
}
