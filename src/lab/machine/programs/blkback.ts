/** Transfers of a guest, through its front end and the back end of the kernel that drives the disk. */
import { oneWay } from "../../../sim/actor.js";
import { BlkBack } from "../../../sw/driver/blkback.js";
import { BlkFront } from "../../../sw/driver/blkfront.js";
import { BlockLoad } from "../load/block_load.js";
import { sectorBytes } from "../load/sector_contents.js";
import { type DiskUnit, sectorsEach } from "../units/unit.js";
import { blockProgram } from "./block_program.js";
import type { GuestSite, Program } from "./program.js";
import { RefusalLog } from "./refusal_log.js";

export function blkback(site: GuestSite, unit: DiskUnit): Program {
  const { description, n, rng, back: host } = site;
  const { from, persistent, requests, segments, size } = description;
  const { guest, grants } = site.front;
  const firstSector = unit.takeSectors();
  const front = new BlkFront({ guest, grants, backend: host.kernel.domain, segmentsMax: segments, persistent });
  const refused = new RefusalLog();
  const back = new BlkBack({
    guest: host.kernel,
    foreign: host.foreign,
    driver: unit.driver,
    frontend: from!,
    ringRef: front.ringRef,
    firstSector,
    sectors: sectorsEach,
    mergeable: (a, b) => unit.device.api.mergeable(a, b),
    persistent,
    refused: refused.add,
  });
  const most = front.sectorsMax * sectorBytes;
  const load = new BlockLoad({
    name: `guest ${from} ${n}`,
    kernel: guest,
    memory: guest.memory,
    rng,
    requests,
    size: { from: Math.min(size.from, most), to: Math.min(size.to, most) },
    sectors: sectorsEach,
    submit: (r) => front.submit(r),
  });
  return blockProgram({
    line: site,
    load,
    unit,
    firstSector,
    actors: [oneWay(load.name, load), oneWay(`blkfront ${n}`, front), oneWay(`blkback ${n}`, back)],
    refused,
    close: () => {
      back.disconnect();
      front.disconnect();
    },
  });
}
