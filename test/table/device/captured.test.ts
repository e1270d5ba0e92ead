/** Device entries of every recorded machine, written as the truth beside it writes them. */
import { describe, expect, it } from "vitest";
import { read } from "../../../src/bits/index.js";
import { functionName } from "../../../src/spec/pcie/requester.js";
import { ContextDescriptor } from "../../../src/spec/smmuv3/context_descriptor.js";
import { StreamEntry } from "../../../src/spec/smmuv3/stream_table.js";
import { ScalableContextEntry } from "../../../src/spec/vtd/context_entry.js";
import { PasidEntry } from "../../../src/spec/vtd/pasid.js";
import type { Attachment, UnitRoot } from "../../../src/table/device/attachment.js";
import { deviceTables } from "../../../src/table/device/index.js";
import { Troubles } from "../../../src/table/trouble.js";
import { captures, memoryOf, truthOf, unitOf } from "./captured.js";

const hex = (n: number) => `0x${n.toString(16)}`;

/** The lines that the truth has for one attachment. */
function lines(unit: UnitRoot, a: Attachment): string[] {
  const bdf = functionName(a.requester);
  if (unit.kind === "amdvi") {
    if (a.second === null) {
      const open = a.state === "identity" ? a.allow : 0;
      return [`dev ${bdf} passthrough ir=${open & 1} iw=${open >> 1} did=${a.domain}`];
    }
    return [
      `dev ${bdf} mode=${a.second.level + 1} root=${hex(a.second.address)} did=${a.domain} gv=0 i=${Number(a.ats)}`,
    ];
  }
  if (unit.kind === "vtd" && unit.mode === "legacy") {
    return [`dev ${bdf} tt=${Number(a.ats)} aw=${a.second!.level - 1} did=${a.domain} slpt=${hex(a.second!.address)}`];
  }
  const last = a.entries.at(-1)!.words;
  if (unit.kind === "vtd") {
    const context = a.entries[1]!.words;
    const [directory, pds] = [
      read(context, 0, ScalableContextEntry.frame),
      read(context, 0, ScalableContextEntry.pdts),
    ];
    const [pgtt, fspm] = [read(last, 0, PasidEntry.pgtt), read(last, 0, PasidEntry.fspm)];
    const tables = `slptr=${hex(a.second?.address ?? 0)} flptr=${hex(a.first[0]?.address ?? 0)}`;
    return [
      `dev ${bdf} pasiddir=${hex(directory * 4096)} pds=${pds} rid_pasid=${a.pasid} dte=${Number(a.ats)}`,
      `pasid ${bdf} ${a.pasid} pgtt=${pgtt} did=${a.domain} aw=${read(last, 0, PasidEntry.aw)} ${tables} fspm=${fspm}`,
    ];
  }
  if (a.state === "blocked") return [`dev ${bdf} cfg=0`];
  const ste = a.entries[1]!.words;
  const [context, fmt, max] = [
    read(ste, 0, StreamEntry.s1Context) * 64,
    read(ste, 0, StreamEntry.s1Fmt),
    read(ste, 0, StreamEntry.s1CdMax),
  ];
  const tg0 = read(last, 0, ContextDescriptor.tg0);
  const table = a.first[0]!;
  return [
    `dev ${bdf} cfg=${read(ste, 0, StreamEntry.config)} s1ctx=${hex(context)} s1fmt=${fmt} s1cdmax=${max}`,
    `cd ${bdf} ${a.pasid} t0sz=${64 - table.inputBits} tg0=${tg0} asid=${a.domain} ttb0=${hex(table.address)} epd0=0`,
  ];
}

describe("device entries of recorded machines", () => {
  it.each(captures)("%s", (name) => {
    const unit = unitOf(name);
    const troubles = new Troubles();
    const attachments = deviceTables[unit.kind].attachments(memoryOf(name), unit, troubles);
    expect(troubles.list).toEqual([]);
    expect(attachments.flatMap((a) => lines(unit, a))).toEqual(truthOf(name));
  });

  it.each(captures)("%s: a lookup gives what the list gives", (name) => {
    const unit = unitOf(name);
    const memory = memoryOf(name);
    const tables = deviceTables[unit.kind];
    const attachments = tables.attachments(memory, unit, new Troubles());
    expect(attachments.length).toBeGreaterThan(3);
    for (const a of attachments) expect(tables.lookup(memory, unit, a.requester, null)).toEqual(a);
  });
});
