/** Scenarios of pages that another domain shares: what the tables say while they do, and what is taken for what. */
import type { Pfn } from "../../../base/frame.js";
import { Direction } from "../../../spec/dma/direction.js";
import { type EngineBugId, engineBugs } from "../../../sw/engine/index.js";
import { entryAddress } from "../../../sw/xen/grant/entry.js";
import { eras, type XenBugId, xenBugs } from "../../../sw/xen/index.js";
import { lend } from "../lend.js";
import type { Scenario } from "../scenario.js";
import { bytesAt, type Driven, drive, filled, page, requester, type XenStage, xenStage } from "../stage.js";
import { bytesText, type Part, placeWords, Teller } from "../story.js";
import { fact, flow } from "./pictures.js";

const { fromDevice } = Direction;

export const ofEngine = (bugs: readonly string[]): EngineBugId[] =>
  engineBugs.map((b) => b.id).filter((id) => bugs.includes(id));
export const ofXen = (bugs: readonly string[]): XenBugId[] =>
  xenBugs.map((b) => b.id).filter((id) => bugs.includes(id));

const review = "xen-devel, review of the swiotlb_engine patches";
const konrad = { author: "Konrad Rzeszutek Wilk", date: "2010", where: review };

/** What the tables say of a page and the frame that stands at it now. */
function tables(s: XenStage, o: { readonly page: number; readonly frame: number; readonly ref: number }): string[] {
  const { p2m } = s.back;
  const at = p2m!.frame(o.page);
  const bus = o.frame * page;
  const back = s.back.busToPhys(bus);
  const entry = entryAddress(s.d, o.ref);
  const [header, frame] = [s.h.memory.load32(entry), s.h.memory.load32(entry + 4)];
  return [
    at < 0 ? "nothing" : `${placeWords(at)}${p2m!.isForeign(o.page) ? ", foreign" : ""}`,
    s.h.frames.m2p[o.frame] === undefined ? "nothing" : placeWords(s.h.frames.m2p[o.frame]!),
    header === 0 ? "nothing" : `flags ${placeWords(header & 0xffff)}, frame ${placeWords(frame)}`,
    `b2p ${placeWords(back)}, p2b of it ${placeWords(s.back.physToBus(back))}`,
    s.back.busToLocalPhys(bus) < 0 ? "no" : "yes",
  ];
}

function sharedPage(t: Teller, seed: number, bugs: readonly EngineBugId[]): void {
  const s = xenStage({ guestPages: 1024, seed });
  const d = drive(s, "swiotlb-xen-x86", { bugs });
  const own = s.back.allocPages(1)!;
  const m = d.api.map(own * page, 2 * page, fromDevice);
  t.step("domain 0", "maps a buffer of its own, of two pages; it bounces", {
    "own buffer": placeWords(own * page),
    why: m.cause,
    "bounce slot": `page ${placeWords(d.poolPage)}, bus ${placeWords(m.bus)}`,
    pool: `pages ${placeWords(d.poolPage)} to ${placeWords(d.poolPage + 511)}`,
  });
  // Domain 1 counts its pages from 0 too, so one of them has the number of the slot's page.
  const guestPage = d.poolPage as Pfn;
  const ref = s.grants.grant(0, guestPage, false);
  const frame = s.d.map.frameOf(guestPage);
  const lentAt = learnPage(s);
  const before = tables(s, { page: lentAt, frame, ref });
  t.step("domain 1", "grants a page, which has the number of domain 0's bounce slot", {
    "its page": placeWords(guestPage),
    "its frame": placeWords(frame),
    reference: `${ref}`,
  });
  const [got] = s.foreign.map([{ domain: 1, ref, readOnly: false }]);
  const shared = tables(s, { page: got!.page, frame, ref });
  t.step("domain 0", "maps the grant at a page of its own that has no memory", {
    "domain 0's page": placeWords(got!.page),
  });
  const f = d.api.map(got!.page * page, page, fromDevice);
  const taken = d.engine.isBounceBuffer(d.device, f.bus);
  t.step("domain 0", "maps the page for the device", {
    "bus address": placeWords(f.bus),
    how: f.cause,
    "taken for a bounce slot": taken ? "yes" : "no",
  });
  d.port.write(requester, f.bus, filled(page, 0xf0));
  d.api.unmap(f.bus, page, fromDevice);
  t.step("device", "writes 4096 bytes (f0), and domain 0 unmaps the page", {
    "domain 1's page": bytesText(bytesAt(s.kernel.memory, guestPage * page, page)),
    "slots in use": `${d.engine.pool!.used}`,
  });
  s.foreign.unmap([got!]);
  const after = tables(s, { page: got!.page, frame, ref });
  s.grants.endAccess(ref);
  t.step("domain 0", "unmaps the grant; domain 1 takes it back", { "mapped by others": `${s.gate.foreignCount}` });
  d.port.write(requester, m.bus, filled(2 * page, 0xd0));
  d.api.unmap(m.bus, 2 * page, fromDevice);
  const arrived = bytesAt(s.back.memory, own * page, 2 * page);
  t.step("device", "writes domain 0's own buffer (d0), and domain 0 unmaps it", { "own buffer": bytesText(arrived) });
  const names = [
    `P2M of page ${placeWords(got!.page)}`,
    `M2P of frame ${placeWords(frame)}`,
    `grant ${ref}`,
    "the formula",
    "local",
  ];
  t.grid("domain 0", "what the tables said", {
    title: "The tables before, while and after",
    columns: ["", "before", "while shared", "after"],
    rows: names.map((name, n) => [name, before[n]!, shared[n]!, after[n]!]),
  });
  const guests = bytesAt(s.kernel.memory, guestPage * page, page);
  t.rule(
    "another domain's page is never taken for a bounce slot",
    !taken,
    `membership of ${placeWords(f.bus)}: ${taken}`,
  );
  t.rule(
    "what the device wrote is in the page of the domain that asked",
    guests.every((b) => b === 0xf0),
    bytesText(guests),
  );
  t.rule(
    "what the device wrote is in domain 0's own buffer",
    arrived.every((b) => b === 0xd0),
    bytesText(arrived),
  );
  t.rule("the page is after the request what it was before", before[0] === after[0], `${before[0]}; ${after[0]}`);
  const wrong = s.gate.violationCount;
  t.rule("nobody touched a frame that was neither owned nor granted", wrong === 0, `${wrong} such accesses`);
}

/** The page at which the next foreign frame will stand. */
function learnPage(s: XenStage): number {
  const next = s.foreign.cache.take()!;
  s.foreign.cache.give(next);
  return next;
}

export const foreignPage: Scenario = {
  id: "foreign-page",
  title: "A page of another domain is no bounce buffer, whatever its reverse says",
  quotation: {
    text: "Hence we need to verify that the page is local to our domain, and for that we need the bus address to verify that the addr == physical->bus(bus->physical(addr)) where addr is the bus address (dma_addr_t).",
    ...konrad,
  },
  machine: "a paravirtualised domain 0 with swiotlb-xen, and domain 1 that grants a page to it",
  point:
    "While a page is shared, domain 0's P2M leads to the right frame and the M2P leads back to domain 1's number for it, which here is the number of a bounce slot.",
  bugs: ["foreign-by-phys"],
  picture: (parts) =>
    flow(
      [
        { id: "g", text: `domain 1 page ${fact(parts, "its page")}` },
        { id: "f", text: `frame ${fact(parts, "its frame")}` },
        { id: "b", text: `domain 0 page ${fact(parts, "domain 0's page")}` },
        { id: "p", text: `domain 0 bounce slot ${fact(parts, "bounce slot")}` },
      ],
      [
        { from: "g", to: "f", text: "P2M of domain 1" },
        { from: "b", to: "f", text: "P2M of domain 0, foreign" },
        { from: "f", to: "g", text: "M2P: the owner's number" },
        { from: "f", to: "p", text: "the same number read as domain 0's", dotted: true },
      ],
    ),
  run({ seed, bugs }) {
    const parts: Part[] = [];
    const main = new Teller("today");
    sharedPage(main, seed, ofEngine(bugs));
    parts.push(main.part);
    if (bugs.length > 0) return parts;
    const other = new Teller("membership by the physical address alone (2010)", true);
    sharedPage(other, seed, ["foreign-by-phys"]);
    return [...parts, other.part];
  },
};

function aliasRun(t: Teller, seed: number, o: { xen: XenBugId[]; engine: EngineBugId[]; era: "2010" | "today" }): void {
  const s = xenStage({ guestPages: 2048, seed, bugs: o.xen, era: o.era });
  const d: Driven = drive(s, "swiotlb-xen-x86", { bugs: o.engine });
  const at = learnPage(s);
  const f = lend(s, { guestPage: at });
  const bus = f.bus;
  const entry = (n: number): string =>
    `${placeWords(s.back.p2m!.frame(n))}${s.back.p2m!.isForeign(n) ? ", foreign" : ", no flag"}`;
  t.step("domain 1", "grants a page that has the number at which domain 0 will map it", {
    "both count it": placeWords(at),
  });
  t.step("domain 0", "maps it there", {
    "P2M entry": entry(f.page),
    "M2P entry": placeWords(s.h.frames.m2p[bus / page]!),
    "bus address": placeWords(bus),
  });
  const back = s.back.busToPhys(bus);
  const there = s.back.physToBus(back);
  t.step("domain 0", "computes addr == physical->bus(bus->physical(addr))", {
    "bus->physical": placeWords(back),
    "physical->bus of that": placeWords(there),
    "the formula says": there === bus ? "local" : "not local",
  });
  const local = s.back.busToLocalPhys(bus);
  t.step("domain 0", "compares the whole entry, flags included", {
    "the kernel says": local < 0 ? "not local" : "local",
  });
  t.rule(
    "another domain's page is never local",
    local < 0,
    `local address of ${placeWords(bus)}: ${placeWords(local)}`,
  );
  if (o.era === "2010") return;
  const slot = d.poolPage + 3;
  const inPool = lend(s, { guestPage: slot, page: slot });
  const taken = d.engine.isBounceBuffer(d.device, inPool.bus);
  t.step("domain 0", "lets another page of domain 1 stand at the page of a bounce slot, which domain 1 counts alike", {
    "both count this one": placeWords(slot),
    "its P2M entry": entry(slot),
    "taken for a bounce slot": taken ? "yes" : "no",
  });
  t.rule(
    "another domain's page is never taken for a bounce slot",
    !taken,
    `membership of ${placeWords(inPool.bus)}: ${taken}`,
  );
}

export const alias: Scenario = {
  id: "alias",
  title: "Two domains use one number for one frame, and the formula is passed",
  quotation: {
    text: "The bus #1 != bus #2, but phys #1 could be same as phys #2 (since there are just PFNs).",
    ...konrad,
  },
  machine:
    "a paravirtualised domain 0, and domain 1 with more pages, one of which has the number that domain 0 maps it at",
  point:
    "The round trip of the formula succeeds for a foreign page when both domains count it by one number; only the foreign flag of the P2M entry tells.",
  bugs: ["masked-local-test", "round-trip-only"],
  picture: (parts) =>
    flow(
      [
        { id: "a", text: `bus ${fact(parts, "bus address")}` },
        { id: "n", text: `page ${fact(parts, "both count it")}` },
        { id: "e", text: `entry ${fact(parts, "P2M entry")}` },
      ],
      [
        { from: "a", to: "n", text: "M2P" },
        { from: "n", to: "e", text: "P2M of domain 0" },
        { from: "e", to: "a", text: "flags masked: the round trip succeeds", dotted: true },
      ],
    ),
  run({ seed, bugs }) {
    const main = new Teller("today");
    aliasRun(main, seed, { xen: ofXen(bugs), engine: ofEngine(bugs), era: "today" });
    if (bugs.length > 0) return [main.part];
    const old = new Teller("the reserved pages of 2010, whose entries carry no flag", true);
    aliasRun(old, seed, { xen: [], engine: [], era: "2010" });
    return [main.part, old.part];
  },
};

export const foreignBacking: Scenario = {
  id: "foreign-backing",
  title: "Foreign pages stand where domain 0 has no memory of its own",
  quotation: {
    text: "This is the reason why the kernel is using ballooned-out pages to map foreign pages even on x86",
    author: "Stefano Stabellini",
    date: "September 2021",
    where: "xen-devel, drop SWIOTLB_XEN from PCI_XEN",
  },
  machine: "a paravirtualised domain 0 of each era, and domain 1 that grants a page",
  point: "What is under the page before, while and after, and what it costs domain 0, by era.",
  bugs: [],
  picture: (parts) =>
    flow(
      parts[0]!.steps
        .flatMap((s) => s.grid?.rows ?? [])
        .map((r, n) => ({ id: `e${n}`, text: `${r[0]}: page ${r[2]}, ${r[1]}` })),
      eras.slice(1).map((_, n) => ({ from: `e${n}`, to: `e${n + 1}`, text: "then" })),
      "TD",
    ),
  run({ seed }) {
    const t = new Teller("by era");
    const rows: string[][] = [];
    for (const era of eras) {
      const s = xenStage({ seed, era: era.id });
      const owned = s.d0.pages;
      const ref = s.grants.grant(0, s.grants.allocShared()!, false);
      const at = learnPage(s);
      const under = () => {
        const frame = s.back.p2m!.frame(at);
        return frame < 0 ? "nothing" : `${placeWords(frame)}${s.back.p2m!.isForeign(at) ? ", foreign" : ""}`;
      };
      const before = under();
      const [got] = s.foreign.map([{ domain: 1, ref, readOnly: false }]);
      const during = under();
      s.foreign.unmap([got!]);
      const [after, lost] = [under(), owned - s.d0.pages];
      rows.push([era.id, `from ${era.backing}`, placeWords(got!.page), before, during, after, `${lost}`]);
      t.rule(`${era.id}: the page is after the request what it was before`, before === after, `${before}; ${after}`);
      if (era.backing === "balloon" || era.backing === "unpopulated")
        t.rule(
          `${era.id}: nothing is under the page before and after`,
          before === "nothing" && after === "nothing",
          `${before}; ${after}`,
        );
      const ram = s.back.ownsPage(got!.page) && era.backing !== "balloon";
      if (era.id === "today")
        t.rule(
          "today: no page of domain 0's memory is used up",
          !ram && lost === 0,
          `page ${placeWords(got!.page)}, ${lost} frames given up`,
        );
    }
    t.grid("domain 0", "maps a grant and unmaps it, in each era", {
      title: "Where foreign frames stand",
      columns: ["era", "page", "number", "before", "while shared", "after", "frames given up"],
      rows,
    });
    return [t.part];
  },
};
