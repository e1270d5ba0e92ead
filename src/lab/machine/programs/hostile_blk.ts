/** A hostile guest at the ring of its disk. */
import { frameBytes } from "../../../base/frame.js";
import type { Rng } from "../../../base/rng.js";
import { BlkOp, blkEntryBytes, blkIndirectRefsAt } from "../../../spec/xen/blkif.js";
import { BlkBack } from "../../../sw/driver/blkback.js";
import { putSegment, requestWords } from "../../../sw/driver/blkif_entry.js";
import { FrontRing } from "../../../sw/driver/ring.js";
import { type DiskUnit, sectorsEach } from "../units/unit.js";
import { dataPages, hostile } from "./hostile.js";
import { HostilePages } from "./hostile_pages.js";
import type { GuestSite, Program } from "./program.js";
import { WildRing } from "./wild_ring.js";

/** Pages of segments of indirect requests, behind that of the ring. */
const tablePages = 2;

export function hostileBlk(site: GuestSite, unit: DiskUnit): Program {
  const { rng, front: domain } = site;
  const { from, persistent } = site.description;
  const { kernel, foreign } = site.back;
  const firstSector = unit.takeSectors();
  const pages = new HostilePages(domain, rng, 1 + tablePages + dataPages);
  const ring = new WildRing(pages, 0, blkEntryBytes);
  return hostile({
    ...{ line: site, pages },
    connect: (refused) => {
      pages.restore(0);
      new FrontRing(domain.guest.memory, pages.pages[0]! * frameBytes, blkEntryBytes);
      ring.restart();
      return new BlkBack({
        ...{ guest: kernel, foreign, driver: unit.driver, frontend: from!, ringRef: pages.refs[0]! },
        ...{ firstSector, sectors: sectorsEach, mergeable: (a, b) => unit.device.api.mergeable(a, b) },
        persistent,
        refused: refused.add,
      });
    },
    mischief: () => {
      const kind = rng.below(8);
      if (kind < 2) pages.scribbleEntry();
      else if (kind === 2) pages.scribblePage(pages.pages[rng.below(20) === 0 ? 0 : 1 + rng.below(tablePages)]!);
      else if (kind === 3) pages.write(pages.pages[1 + rng.below(tablePages)]!, 0, manySegments(pages, rng));
      else {
        for (let count = 1 + rng.below(3); count > 0; count--) ring.put(blkRequest(pages, rng));
        ring.publish(rng.below(200) === 0 ? rng.below(2 ** 32) : 0);
      }
    },
  });
}

function blkRequest(pages: HostilePages, rng: Rng): Uint32Array {
  const segments = Array.from({ length: 1 + rng.below(11) }, () => segment(pages, rng));
  const indirect = rng.below(4) === 0;
  const words = requestWords({
    operation: rng.below(8) === 0 ? rng.below(256) : rng.below(2) === 0 ? BlkOp.read : BlkOp.write,
    ...{ id: rng.below(2 ** 32), idHigh: 0, sector: rng.below(sectorsEach + 64) },
    segmentCount: rng.below(20) === 0 ? rng.below(256) : indirect ? 1 + rng.below(40) : segments.length,
    segments: indirect ? [] : segments,
    indirectRefs: indirect ? [pages.refs[1 + rng.below(tablePages)]!] : [],
  });
  if (indirect && rng.below(4) === 0) words[blkIndirectRefsAt] = pages.anyRef();
  if (indirect && rng.below(20) === 0) words[0] = words[0]! | 0x8000_0000;
  if (rng.below(4) === 0) words[rng.below(words.length)] = rng.below(2 ** 32);
  return words;
}

const segment = (pages: HostilePages, rng: Rng) => {
  const first = rng.below(8);
  const last = rng.below(16) === 0 ? rng.below(256) : first + rng.below(8 - first);
  return { ref: pages.anyRef(), first, last };
};

function manySegments(pages: HostilePages, rng: Rng): Uint32Array {
  const words = new Uint32Array(96);
  for (let at = 0; at < words.length; at += 2) putSegment(words, at, segment(pages, rng));
  return words;
}
