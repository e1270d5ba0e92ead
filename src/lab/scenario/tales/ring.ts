/** The scenario of a request: a one-page ring, indexes that both ends move, pages that are shared while it lasts. */
import { Disk } from "../../../hw/device/disk.js";
import { RingIndex } from "../../../spec/xen/ring.js";
import { BlkBack } from "../../../sw/driver/blkback.js";
import { BlkFront } from "../../../sw/driver/blkfront.js";
import { DiskDriver } from "../../../sw/driver/disk_driver.js";
import { leftovers } from "../../../sw/xen/index.js";
import type { Scenario } from "../scenario.js";
import { bytesAt, drive, page, requester, xenStage } from "../stage.js";
import { bytesText, placeWords, Teller } from "../story.js";
import { sequence } from "./pictures.js";

const stepsMax = 1000;

export const ring: Scenario = {
  id: "ring",
  title: "One request, from a guest's page to the disk and back",
  quotation: {
    text: "One way to implement this is to present a one page ring buffer where both domains move the producer and consumer indexes around.",
    author: "Konrad Rzeszutek Wilk",
    date: "2010",
    where: "xen-devel, review of the swiotlb_engine patches",
  },
  machine: "a paravirtualised domain 0 with a disk, its block back end, and the block front end of domain 1",
  point:
    "The P2M entry of the page at which domain 0 maps the guest's page is overwritten for the life of the request, and is afterwards what it was.",
  bugs: [],
  picture: sequence,
  run({ seed }) {
    const t = new Teller("write, then read back");
    const s = xenStage({ seed });
    const d = drive(s, "swiotlb-xen-x86");
    const disk = new Disk({ port: d.port, requester, blocks: 1024 });
    const driver = new DiskDriver({
      memory: d.memory,
      api: d.api,
      registers: disk.registers,
      interrupt: disk.interrupt,
    });
    const front = new BlkFront({ guest: s.kernel, grants: s.grants, backend: 0 });
    const mergeable = (a: number, b: number) => d.api.mergeable(a, b);
    const place = { frontend: 1, ringRef: front.ringRef, firstSector: 0, sectors: 1024 };
    const back = new BlkBack({ guest: s.back, foreign: s.foreign, driver, mergeable, ...place });
    const actors = [
      { name: "domain 1, front end", of: front },
      { name: "domain 0, back end", of: back },
      { name: "domain 0, disk's driver", of: driver },
      { name: "disk", of: disk },
    ];
    const index = (of: RingIndex): number => {
      const word = bytesAt(s.kernel.memory, front.ringPage * page + of, 4);
      return new DataView(word.buffer).getUint32(0, true);
    };
    const look = () => {
      const shared = [...s.back.foreignPages].map((p) => `${placeWords(p)} -> ${placeWords(s.back.p2m!.frame(p))}`);
      return {
        asked: index(RingIndex.reqProd),
        answered: index(RingIndex.rspProd),
        foreign: shared.join(", "),
        mapped: d.checker.alive,
      };
    };
    type Look = ReturnType<typeof look>;
    const words = (l: Look) => ({
      "requests shown": `${l.asked}`,
      "answers shown": `${l.answered}`,
      "foreign pages": l.foreign || "none",
      "mapped for the device": `${l.mapped}`,
    });
    const sent = Uint8Array.from({ length: page }, (_, k) => (k * 7) & 0xff);
    const at = s.kernel.allocPages(0)!;
    s.kernel.memory.write(at * page, sent);
    t.step("domain 1, front end", "shares a page as the ring", {
      "ring page": placeWords(front.ringPage),
      ...words(look()),
    });
    for (const toDisk of [true, false]) {
      const before = s.back.foreignPages.size;
      let done: boolean | null = null;
      front.submit({ toDisk, sector: 8, pages: [at], first: 0, sectors: 8, done: (ok) => (done = ok) });
      t.step(
        "domain 1, front end",
        `asks to ${toDisk ? "write" : "read"} 8 sectors ${toDisk ? "from" : "to"} its page ${placeWords(at)}`,
      );
      let most = 0;
      for (let steps = 0; done === null && steps < stepsMax; steps++) {
        const next = actors.find((a) => a.of.ready());
        if (next === undefined) break;
        const was = look();
        next.of.step();
        most = Math.max(most, s.back.foreignPages.size);
        const is = look();
        const change = changeOf(was, is);
        if (change !== null) t.step(next.name, change, words(is));
      }
      t.rule(`the ${toDisk ? "write" : "read"} is answered`, done === true, `${done}`);
      t.rule(
        "a page of the guest is shared while it lasts, and not after",
        most === before + 1 && s.back.foreignPages.size === before,
        `${before}, ${most}, ${s.back.foreignPages.size}`,
      );
      const is = toDisk ? disk.medium.subarray(8 * 512, 16 * 512) : bytesAt(s.kernel.memory, at * page, page);
      t.rule(
        `the bytes are ${toDisk ? "on the disk" : "in the guest's page"}`,
        is.every((b, k) => b === sent[k]),
        bytesText(is),
      );
      if (toDisk) s.kernel.memory.write(at * page, new Uint8Array(page));
    }
    back.disconnect();
    front.disconnect();
    driver.close();
    const left = leftovers(s.h, s.gate);
    t.rule("nothing is left over", left.length === 0, left.map((l) => `${l.count} ${l.what}`).join(", ") || "nothing");
    t.rule(
      "nobody touched a frame that was neither owned nor granted",
      s.gate.violationCount === 0,
      `${s.gate.violationCount}`,
    );
    const broken = d.checker.totals.map((v) => v.rule).join(", ");
    t.rule("no rule of the DMA API was broken", broken === "", broken || "none");
    return [t.part];
  },
};

interface Seen {
  readonly asked: number;
  readonly answered: number;
  readonly foreign: string;
  readonly mapped: number;
}

/** What a step has changed, in words; null when nothing that is looked at. */
function changeOf(was: Seen, is: Seen): string | null {
  if (is.asked !== was.asked) return "moves the producer index: the request is seen";
  if (is.answered !== was.answered) return "moves the other producer index: the answer is seen";
  if (is.foreign.length > was.foreign.length) return "maps the guest's page: the P2M entry of a page is overwritten";
  if (is.foreign !== was.foreign) return "unmaps the guest's page: the P2M entry is what it was";
  if (is.mapped > was.mapped) return "maps it for the device";
  return is.mapped < was.mapped ? "unmaps it for the device" : null;
}
