/** Packets of the kernel that drives the controller. */
import { frameBytes } from "../../../base/frame.js";
import { oneWay } from "../../../sim/actor.js";
import { NetLoad } from "../load/net_load.js";
import { gathered } from "../load/packet.js";
import type { NicUnit } from "../units/unit.js";
import { addressOf, netProgram, packetBytes } from "./net_program.js";
import type { OwnSite, Program } from "./program.js";

export function net(site: OwnSite, unit: NicUnit): Program {
  const { description, n, rng, kernel, memory } = site;
  const number = addressOf(site);
  const load = new NetLoad({
    ...{ name: `net ${n}`, number, kernel, memory, rng },
    ...{ requests: description.requests, size: packetBytes(description) },
    send: (pieces, done) => {
      const list = pieces.map((p) => ({ phys: p.page * frameBytes + p.offset, size: p.size }));
      unit.driver.send({ list, done: (error) => done(error === null) });
    },
  });
  unit.connect(number, {
    wire: load,
    take: (pieces) => {
      load.received(gathered(memory, pieces));
      for (const p of pieces) kernel.freePages(p.page, 0);
    },
  });
  return netProgram({ line: site, load, actors: [oneWay(load.name, load)], refused: null, close: () => {} });
}
