/** The scenario of Arm: foreign pages are translated, and the hypervisor cleans what the CPU cannot. */
import { Direction } from "../../../spec/dma/direction.js";
import type { Scenario } from "../scenario.js";
import { bytesAt, drive, filled, page, requester, xenStage } from "../stage.js";
import { bytesText, placeWords, Teller } from "../story.js";
import { fact, flow } from "./pictures.js";
import { ofEngine } from "./sharing.js";

const { toDevice, bidirectional } = Direction;
const unknownCall = -38;

interface Shape {
  readonly bugs: readonly string[];
  /** The hypervisor knows GNTTABOP_cache_flush. */
  readonly flushes: boolean;
  readonly coherent: boolean;
}

export const armForeignNoncoherent: Scenario = {
  id: "arm-foreign-noncoherent",
  title: "Arm translates foreign pages, and asks for their cache to be cleaned",
  quotation: {
    text: "swiotlb-xen is used to detect these situations and translate the guest physical address to physical address of foreign pages appropriately.",
    author: "Stefano Stabellini",
    date: "10 September 2021",
    where: "xen-devel, drop SWIOTLB_XEN from PCI_XEN",
  },
  machine:
    "an Arm domain 0 that is mapped one to one, domain 1 that grants a page, and a device that does not see the CPU's cache",
  point:
    "Own pages are where they are numbered; a foreign page is not, so it is translated, and its cache lines are cleaned by hypercall; without that call it bounces.",
  bugs: ["sync-wrong-op"],
  picture: (parts) =>
    flow(
      [
        { id: "o", text: `own page ${fact(parts, "own page")}` },
        { id: "ob", text: `bus ${fact(parts, "its bus address")}` },
        { id: "p", text: `foreign page ${fact(parts, "foreign page")}` },
        { id: "pb", text: `bus ${fact(parts, "the foreign bus address")}` },
      ],
      [
        { from: "o", to: "ob", text: "one to one" },
        { from: "p", to: "pb", text: "tree of foreign ranges" },
      ],
    ),
  run({ seed, bugs }) {
    const main = new Teller("today's Xen");
    arm(main, seed, { bugs, flushes: true, coherent: false });
    if (bugs.length > 0) return [main.part];
    const bounced = new Teller("a Xen without the call for cache maintenance: the page bounces");
    arm(bounced, seed, { bugs, flushes: false, coherent: false });
    const coherent = new Teller("a coherent device: nothing to clean");
    arm(coherent, seed, { bugs, flushes: true, coherent: true });
    const wrong = new Teller("the sync for the device does what the one for the CPU does (until 2018)", true);
    arm(wrong, seed, { bugs: ["sync-wrong-op"], flushes: true, coherent: false });
    return [main.part, bounced.part, coherent.part, wrong.part];
  },
};

function arm(t: Teller, seed: number, o: Shape): void {
  const s = xenStage({ model: "p==m", seed });
  if (!o.flushes) s.back.cacheFlush = () => unknownCall;
  const d = drive(s, "swiotlb-xen-arm", { bugs: ofEngine(o.bugs), device: { coherent: o.coherent } });
  const flushes = () => s.calls.of("cache_flush");
  const own = s.back.allocPages(0)!;
  const mine = d.api.map(own * page, page, toDevice);
  t.step("domain 0", "maps a page of its own", {
    "own page": placeWords(own),
    "its bus address": placeWords(mine.bus),
    "own cause": mine.cause,
  });
  t.rule(
    "an own page is where it is numbered",
    mine.bus === own * page,
    `${placeWords(own * page)} is at ${placeWords(mine.bus)}`,
  );
  d.api.mappingError(mine.bus);
  d.api.unmap(mine.bus, page, toDevice);

  const guestPage = s.grants.allocShared()!;
  const ref = s.grants.grant(0, guestPage, false);
  const [got] = s.foreign.map([{ domain: 1, ref, readOnly: false }]);
  const phys = got!.page * page;
  t.step("domain 0", "maps domain 1's page by grant", {
    "foreign page": placeWords(got!.page),
    "its frame": placeWords(got!.bus / page),
  });
  d.memory.write(phys, filled(page, 0x31));
  const before = flushes();
  const m = d.api.map(phys, page, bidirectional);
  t.step("domain 0", "writes 4096 bytes (31) there and maps them for the device", {
    "the foreign bus address": placeWords(m.bus),
    cause: m.cause,
    bounced: m.bounced ? "yes" : "no",
    "cache calls": `${flushes() - before}`,
  });
  const seen = new Uint8Array(page);
  d.port.read(requester, m.bus, seen);
  t.step("device", "reads", { "the device reads": bytesText(seen) });
  t.rule(
    "the device reads what the CPU wrote",
    seen.every((b) => b === 0x31),
    bytesText(seen),
  );
  d.api.syncForCpu(m.bus, page, bidirectional);
  d.memory.write(phys, filled(page, 0x32));
  d.api.syncForDevice(m.bus, page, bidirectional);
  d.port.read(requester, m.bus, seen);
  t.step("domain 0", "writes again (32), syncs for the device, and the device reads", {
    "now the device reads": bytesText(seen),
  });
  t.rule(
    "what the CPU wrote before a sync for the device is what the device reads",
    seen.every((b) => b === 0x32),
    bytesText(seen),
  );
  d.port.write(requester, m.bus, filled(page, 0x33));
  d.api.unmap(m.bus, page, bidirectional);
  const back = bytesAt(d.guest.memory, phys, page);
  t.step("device", "writes (33), and domain 0 unmaps and reads", { "domain 0 reads": bytesText(back) });
  t.rule(
    "the CPU reads what the device wrote",
    back.every((b) => b === 0x33),
    bytesText(back),
  );
  const expected = !o.flushes && !o.coherent;
  t.rule(
    expected ? "without the call a foreign page bounces" : "a foreign page is used where it is",
    m.bounced === expected,
    `${m.cause}, ${flushes() - before} cache calls`,
  );
}
