/** Layouts of device tables, registers and records: known words, field by field. */
import { describe, expect, it } from "vitest";
import { type Layout, read } from "../../src/bits/index.js";
import { DeviceEntry } from "../../src/spec/amdvi/device_entry.js";
import { EventRecord as AmdEvent } from "../../src/spec/amdvi/event_record.js";
import { Gcr3Entry } from "../../src/spec/amdvi/guest_cr3.js";
import { Control, DeviceTableBase, ExclusionBase, ExtendedFeatures } from "../../src/spec/amdvi/registers.js";
import { ContextDescriptor, L1ContextDescriptor } from "../../src/spec/smmuv3/context_descriptor.js";
import { EventRecord as SmmuEvent } from "../../src/spec/smmuv3/event_record.js";
import { Cr0, GlobalBypass, StreamTableBase, StreamTableConfig } from "../../src/spec/smmuv3/registers.js";
import { L1StreamDescriptor, StreamEntry } from "../../src/spec/smmuv3/stream_table.js";
import { ContextEntry, ScalableContextEntry } from "../../src/spec/vtd/context_entry.js";
import { FaultRecord } from "../../src/spec/vtd/fault_record.js";
import { InterruptEntry } from "../../src/spec/vtd/interrupt_entry.js";
import { PasidDirectoryEntry, PasidEntry } from "../../src/spec/vtd/pasid.js";
import {
  Capability,
  ExtendedCapability,
  GlobalStatus,
  InterruptTableAddress,
  RootTableAddress,
} from "../../src/spec/vtd/registers.js";
import { RootEntry, ScalableRootEntry } from "../../src/spec/vtd/root_entry.js";

const words = (...quads: bigint[]) =>
  Uint32Array.from(quads.flatMap((q) => [Number(q & 0xffffffffn), Number(q >> 32n)]));

/** [what, layout, 64-bit words, fields that must come out] */
// biome-ignore lint/suspicious/noExplicitAny: layouts of every shape stand in one table
const rows: [string, Layout<any>, bigint[], Record<string, number>][] = [
  ["a root entry", RootEntry, [0x3c7b001n, 0n], { p: 1, frame: 0x3c7b }],
  [
    "a scalable root entry",
    ScalableRootEntry,
    [0x3c03001n, 0x3c39001n],
    { lowerP: 1, lower: 0x3c03, upperP: 1, upper: 0x3c39 },
  ],
  ["a context entry", ContextEntry, [0x3cad005n, 0x802n], { p: 1, tt: 1, frame: 0x3cad, aw: 2, did: 8 }],
  [
    "a scalable context entry",
    ScalableContextEntry,
    [0x3c0240dn, 0x1abcden, 0n, 0n],
    { p: 1, dte: 1, paside: 1, pdts: 2, frame: 0x3c02, ridPasid: 0xabcde, ridPriv: 1 },
  ],
  ["a PASID directory entry", PasidDirectoryEntry, [0x3c81003n], { p: 1, fpd: 1, frame: 0x3c81 }],
  [
    "a PASID entry",
    PasidEntry,
    [0x3c3e089n, 0x1800002n, 0xfffff_fffff005n, 0n, 0n, 0n, 0n, 0n],
    { p: 1, aw: 2, pgtt: 2, ssFrame: 0x3c3e, did: 2, pwsnp: 1, pgsnp: 1, sre: 1, fspm: 1, fsFrame: 0xfffff_fffff },
  ],
  [
    "CAP",
    Capability,
    [0x80d2008c222f0606n],
    { nd: 6, sagaw: 6, mgaw: 47, fro: 0x22, sslps: 3, psi: 1, nfr: 0, mamv: 18, esrtps: 1 },
  ],
  [
    "ECAP",
    ExtendedCapability,
    [0x0000480080000f42n],
    { qi: 1, pt: 1, iro: 15, srs: 1, smts: 1, ssts: 1, fsts: 0, pasid: 0 },
  ],
  ["GSTS", GlobalStatus, [0xc4000000n], { tes: 1, rtps: 1, qies: 1, ires: 0 }],
  ["RTADDR", RootTableAddress, [0x3571400n], { ttm: 1, frame: 0x3571 }],
  ["IRTA", InterruptTableAddress, [0x3c4080fn], { s: 15, eime: 1, frame: 0x3c40 }],
  ["FRCD", FaultRecord, [0xfffc0000n, 0xc0000005_0000_0018n], { page: 0xfffc0, sid: 0x18, reason: 5, t1: 1, f: 1 }],
  [
    "an interrupt entry",
    InterruptEntry,
    [0x0000010000300001n, 0x40018n],
    { p: 1, vector: 0x30, destination: 0x100, sid: 0x18, svt: 1 },
  ],
  [
    "a device table entry",
    DeviceEntry,
    [0x7ea0000003bc6603n, 0xfffff801_abcd0002n, 0x0040000000000001n, 0n],
    {
      ...{ v: 1, tv: 1, mode: 3, frame: 0x3bc6, gv: 1, glx: 2, gcr3Low: 7, ir: 1, iw: 1, did: 2 },
      ...{ gcr3Middle: 0xabcd, i: 1, gcr3High: 0x1fffff, iv: 1, guestPagingMode: 1 },
    },
  ],
  ["a GCR3 entry", Gcr3Entry, [0x123456001n], { v: 1, frame: 0x123456 }],
  ["DEVTAB", DeviceTableBase, [0x1e84001n], { size: 1, frame: 0x1e84 }],
  ["CONTROL", Control, [0x3148fn], { iommuEn: 1, htTunEn: 1, cmdBufEn: 1, gtEn: 1, gaEn: 1, devTblSegEn: 0 }],
  ["EFR", ExtendedFeatures, [0x29d3n], { preFSup: 1, gtSup: 1, hats: 2, gats: 2, glxSup: 0 }],
  ["EXCL", ExclusionBase, [0x7f0003n], { exEn: 1, allow: 1, frame: 0x7f0 }],
  [
    "an AMD-Vi event",
    AmdEvent,
    [0x2020000300000018n, 0x1234567890n],
    { device: 0x18, pasidOrDomain: 3, flags: 0x20, code: 2, addressLow: 0x34567890, addressHigh: 0x12 },
  ],
  ["an L1 stream descriptor", L1StreamDescriptor, [0x5be20009n], { span: 9, l2: 0x5be20000 / 64 }],
  [
    "a stream table entry of two stages",
    StreamEntry,
    [0xf800f0f0f0f0f0efn, 0x00001000180800d5n, 0x0449b6c400000000n, 0x000dbeefdeadbee0n, 0n, 0n, 0n, 0n],
    {
      ...{
        v: 1,
        config: 7,
        s1Fmt: 2,
        s1Context: 0xf0f0f0f0f0c0 / 64 + 0,
        s1CdMax: 31,
        s1Dss: 1,
        mev: 1,
        eats: 1,
        shCfg: 1,
      },
      ...{ s2T0sz: 4, s2Sl0: 3, s2Tg: 2, s2Ps: 1, s2Aa64: 1, s2R: 1, s2Ttb: 0xdbeefdeadbee0 / 16 },
    },
  ],
  ["an L1 context descriptor", L1ContextDescriptor, [0x46090001n], { v: 1, frame: 0x46090 }],
  [
    "a context descriptor",
    ContextDescriptor,
    [0x0001e204c0003510n, 0x45923000n, 0n, 0xfffffffff404ff44n, 0n, 0n, 0n, 0n],
    {
      t0sz: 16,
      tg0: 0,
      epd0: 0,
      epd1: 1,
      v: 1,
      ips: 4,
      aa64: 1,
      r: 1,
      a: 1,
      asid: 1,
      ttb0: 0x45923000 / 16,
      mair0: 0xf404ff44,
    },
  ],
  ["CR0", Cr0, [0xdn], { smmuen: 1, eventqen: 1, cmdqen: 1, atschk: 0 }],
  ["GBPA", GlobalBypass, [0x100000n], { abort: 1 }],
  ["STRTAB_BASE", StreamTableBase, [0x4000000045580000n], { addr: 0x45580000 / 64, ra: 1 }],
  ["STRTAB_BASE_CFG", StreamTableConfig, [0x10210n], { log2size: 16, split: 8, fmt: 1 }],
  [
    "an SMMUv3 event",
    SmmuEvent,
    [0x0000001800005810n, 0x0000020800000000n, 0xfffc0000n, 0n],
    { id: 0x10, ssv: 1, ssid: 5, sid: 0x18, rnw: 1, cls: 2, inputLow: 0xfffc0000 },
  ],
];

describe("layouts of device tables", () => {
  it.each(rows)("%s", (_, layout, quads, fields) => {
    const w = words(...quads);
    const named = layout as unknown as Record<string, Parameters<typeof read>[2]>;
    const found = Object.fromEntries(Object.keys(fields).map((name) => [name, read(w, 0, named[name]!)]));
    expect(found).toEqual(fields);
  });
});
