/** Packets of a guest, through its front end and the back end of the kernel that drives the controller. */
import { oneWay } from "../../../sim/actor.js";
import { NetBack } from "../../../sw/driver/netback.js";
import { NetFront } from "../../../sw/driver/netfront.js";
import { NetLoad } from "../load/net_load.js";
import type { NicUnit } from "../units/unit.js";
import { addressOf, netProgram, packetBytes } from "./net_program.js";
import type { GuestSite, Program } from "./program.js";
import { RefusalLog } from "./refusal_log.js";

export function netback(site: GuestSite, unit: NicUnit): Program {
  const { description, n, rng, back: host } = site;
  const { guest, grants } = site.front;
  const frontend = description.from!;
  const number = addressOf(site);
  const front = new NetFront({ guest, grants, backend: host.kernel.domain });
  const { txRef, rxRef } = front;
  const refused = new RefusalLog();
  const back = new NetBack({
    ...{ guest: host.kernel, foreign: host.foreign, driver: unit.driver },
    ...{ frontend, txRef, rxRef, refused: refused.add },
  });
  const load = new NetLoad({
    ...{ name: `guest ${frontend} ${n}`, number, kernel: guest, memory: guest.memory, rng },
    ...{ requests: description.requests, size: packetBytes(description) },
    send: (pieces, done) => front.send({ pieces, done }),
  });
  front.received = (packet) => load.received(packet);
  unit.connect(number, { wire: load, take: (pieces) => back.deliver(pieces) });
  return netProgram({
    line: site,
    load,
    actors: [oneWay(load.name, load), oneWay(`netfront ${n}`, front), oneWay(`netback ${n}`, back)],
    refused,
    close: () => {
      back.disconnect();
      front.disconnect();
    },
  });
}
