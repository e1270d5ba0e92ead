/** What there is to see of a machine: whose each page is, what tables say, and what devices and the unit keep of them. */
import { frameBytes } from "../../base/frame.js";
import { hex } from "../../base/hex.js";
import { nobody } from "../../sw/iommu/lifetime/page_book.js";
import { type DomainOptions, type MachineOptions, ownerOf, place } from "./layout.js";
import type { BuiltMachine } from "./machine.js";

/** An owner in words. */
function ownerWords(owner: number, domains: readonly DomainOptions[]): string {
  if (owner === nobody) return "nobody's";
  if (owner === ownerOf(0)) return domains.length > 1 ? "domain 1's" : "the guest's";
  return owner <= domains.length ? `domain ${owner}'s` : "another domain's";
}

const ledTo = (frame: number, page: number) => `frame ${hex(frame)} -> page ${page}`;

export function machineFacts(m: BuiltMachine, o: MachineOptions): Readonly<Record<string, string>> {
  const { book, memory, unit, domains, devices, call } = m;
  const facts: [string, string][] = [];
  for (let page = 0; page < o.pages; page++) {
    const word = memory.load32((place.pages + page) * frameBytes);
    const isTable = o.domains.some((d) => d.tablePage === page);
    const kept = book.isParked(page) ? ", given back and kept" : "";
    const holds = word > 0 && !isTable ? `, holds the device's write ${word}` : "";
    facts.push([`page ${page}`, `${ownerWords(book.ownerOf(page), o.domains)}${kept}${holds}`]);
  }
  for (const [n, { maps, spare = [] }] of o.domains.entries()) {
    const name = o.domains.length > 1 ? `tables of domain ${n + 1}` : "tables";
    const led = [...maps.map((x) => x.frame), ...spare].flatMap((frame) => {
      const page = domains[n]!.pageAt(frame);
      return page < 0 ? [] : [ledTo(frame, page)];
    });
    facts.push([name, led.join(", ") || "nothing"]);
  }
  const frames = [...new Set(o.domains.flatMap((d) => d.maps.map((x) => x.frame)))];
  for (const [n, { tlb }] of devices.entries()) {
    if (tlb === null) continue;
    const kept = frames.flatMap((frame) => {
      const slot = tlb.find(null, frame, 1);
      return slot < 0 ? [] : [ledTo(frame, tlb.translations.outputOf(slot) - place.pages)];
    });
    facts.push([devices.length > 1 ? `TLB of device ${n + 1}` : "the device's TLB", kept.join(", ") || "nothing"]);
  }
  const kept = o.domains.flatMap(({ did }) =>
    frames.flatMap((frame) => {
      const slot = unit.caches.translations.find({ domain: did, space: null, globals: 0 }, frame, 1);
      return slot < 0 ? [] : [ledTo(frame, unit.caches.translations.outputOf(slot) - place.pages)];
    }),
  );
  facts.push(["the unit's IOTLB", [...new Set(kept)].join(", ") || "nothing"]);
  if (call.paused === 1) facts.push(["the guest", "is paused"]);
  return Object.fromEntries(facts);
}
