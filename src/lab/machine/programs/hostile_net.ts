/** A hostile guest at the rings of its network interface. */
import { frameBytes } from "../../../base/frame.js";
import type { Rng } from "../../../base/rng.js";
import { netRxEntryBytes, netSlotsMax, netTxEntryBytes } from "../../../spec/xen/netif.js";
import { NetBack } from "../../../sw/driver/netback.js";
import { extraWords, rxSlotWords, txSlotWords } from "../../../sw/driver/netif_entry.js";
import { FrontRing } from "../../../sw/driver/ring.js";
import type { NicUnit } from "../units/unit.js";
import { dataPages, hostile } from "./hostile.js";
import { HostilePages } from "./hostile_pages.js";
import { addressOf } from "./net_program.js";
import type { GuestSite, Program } from "./program.js";
import { WildRing } from "./wild_ring.js";

export function hostileNet(site: GuestSite, unit: NicUnit): Program {
  const { rng, front: domain } = site;
  const { kernel, foreign } = site.back;
  const frontend = site.description.from!;
  const number = addressOf(site);
  const pages = new HostilePages(domain, rng, 2 + dataPages);
  const tx = new WildRing(pages, 0, netTxEntryBytes);
  const rx = new WildRing(pages, 1, netRxEntryBytes);
  return hostile({
    ...{ line: site, pages },
    connect: (refused) => {
      for (const [k, entryBytes] of [netTxEntryBytes, netRxEntryBytes].entries()) {
        pages.restore(k);
        new FrontRing(domain.guest.memory, pages.pages[k]! * frameBytes, entryBytes);
      }
      tx.restart();
      rx.restart();
      const [txRef, rxRef] = pages.refs;
      const back = new NetBack({
        ...{ guest: kernel, foreign, driver: unit.driver, frontend, txRef: txRef!, rxRef: rxRef! },
        refused: refused.add,
      });
      unit.connect(number, { wire: null, take: (pieces) => back.deliver(pieces) });
      return back;
    },
    mischief: () => {
      const kind = rng.below(8);
      if (kind < 2) pages.scribbleEntry();
      else if (kind === 2)
        pages.scribblePage(pages.pages[rng.below(20) === 0 ? rng.below(2) : 2 + rng.below(dataPages)]!);
      else if (kind === 3) {
        rx.put(rxSlotWords({ id: rng.below(2 ** 16), ref: pages.anyRef() }));
        rx.publish(rng.below(200) === 0 ? rng.below(2 ** 32) : 0);
      } else if (kind === 4) unit.receive(toIt(number, rng));
      else {
        for (const words of netPacket(pages, rng)) tx.put(words);
        tx.publish(rng.below(200) === 0 ? rng.below(2 ** 32) : 0);
      }
    },
  });
}

/** Someone on the wire sends to the hostile guest meanwhile. */
function toIt(number: number, rng: Rng): Uint8Array {
  const packet = new Uint8Array(60 + rng.below(9000));
  packet[5] = number;
  return packet;
}

function extras(rng: Rng): Uint32Array[] {
  const count = 1 + rng.below(2);
  return Array.from({ length: count }, (_, k) => {
    const type = rng.below(8) === 0 ? rng.below(256) : 1 + rng.below(5);
    const segmentBytes = rng.below(8) === 0 ? 0 : 1448;
    return extraWords({
      type,
      more: k < count - 1 || rng.below(16) === 0,
      segmentBytes,
      segmentationType: 1 + rng.below(3),
    });
  });
}

function netPacket(pages: HostilePages, rng: Rng): Uint32Array[] {
  const count = 1 + rng.below(rng.below(6) === 0 ? netSlotsMax + 8 : 4);
  let total = 0;
  const slots = Array.from({ length: count }, (_, k) => {
    const size = 14 + rng.below(2000);
    total += size;
    const more = k < count - 1 ? rng.below(200) !== 0 : rng.below(30) === 0;
    const offset = rng.below(100) === 0 ? rng.below(2 ** 16) : rng.below(frameBytes - size);
    return { ref: pages.anyRef(), offset, size, id: rng.below(2 ** 16), more, extra: k === 0 && rng.below(20) === 0 };
  });
  slots[0] = { ...slots[0]!, size: rng.below(50) === 0 ? rng.below(2 ** 16) : total };
  const [first, ...others] = slots.map(txSlotWords);
  return [first!, ...(slots[0].extra ? extras(rng) : []), ...others];
}
