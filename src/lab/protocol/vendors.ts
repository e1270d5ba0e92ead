/** An AMD-Vi unit and an SMMUv3, each with one device's tables and what its driver posts when a page goes. */
import { frameBytes } from "../../base/frame.js";
import { composed, type FieldValue } from "../../bits/composed.js";
import type { Field } from "../../bits/field.js";
import type { DeviceTlb as Contract, InvalidationSink } from "../../bus/ats.js";
import type { Universe } from "../../check/universe.js";
import { AmdviUnit } from "../../hw/iommu/amdvi/amdvi_unit.js";
import type { Transaction } from "../../hw/iommu/core/transaction.js";
import { SmmuUnit } from "../../hw/iommu/smmuv3/smmu_unit.js";
import type { Memory } from "../../mem/memory.js";
import * as A from "../../spec/amdvi/commands.js";
import { DeviceEntry } from "../../spec/amdvi/device_entry.js";
import { amdviRegisters } from "../../spec/amdvi/register_map.js";
import { Control, ExtendedFeatures } from "../../spec/amdvi/registers.js";
import * as S from "../../spec/smmuv3/command_layouts.js";
import { ContextDescriptor } from "../../spec/smmuv3/context_descriptor.js";
import { smmuRegisters } from "../../spec/smmuv3/register_map.js";
import { Idr0, Idr1, Idr5 } from "../../spec/smmuv3/registers.js";
import { StreamEntry } from "../../spec/smmuv3/stream_table.js";
import type { MachineState } from "../../state/index.js";
import { type FormatName, Mapper } from "../../table/index.js";
import { place } from "./layout.js";

export const frame = 5;
export const requester = 0x18;
const did = 1;

type Actor = Universe["actors"][number];

/** Frames of the machine: tables of devices, the queue, its events, a status or a context, page tables. */
const at = { devices: 1, queue: 2, events: 3, status: 4, tables: 5 } as const;
export const byte = (n: number) => n * frameBytes;
const caches = { devices: 1, spaces: 1, tables: 1, translations: 1 } as const;

/** A unit with its driver's side: what the universe needs of either. */
export interface Vendor {
  readonly sink: InvalidationSink;
  readonly transaction: Transaction;
  readonly actors: readonly Actor[];
  readonly isOwed: () => boolean;
  readonly timedOut: () => void;
  /** Post what is to be forgotten, and ring. */
  readonly ask: () => void;
  readonly isAnswered: () => boolean;
}

export interface Parts {
  readonly state: MachineState;
  readonly memory: Memory;
  readonly tlb: () => Contract | null;
}

export function tablesOf(memory: Memory, format: FormatName, level: number): Mapper {
  let next: number = at.tables;
  const allocate = () => {
    memory.store32(byte(next), 0);
    return next++;
  };
  const root = { format, address: byte(allocate()), level, inputBits: 12 + 9 * (level + 1), upper: "zero" } as const;
  const mapper = new Mapper(memory, { ...root, outputBits: 44, allow: 3 }, allocate);
  mapper.map(byte(frame), byte(place.pages), frameBytes, 3);
  return mapper;
}

export function amdvi({ state, memory, tlb }: Parts, table: Mapper): Vendor {
  const features = composed(2, [[ExtendedFeatures.hats, 2]]);
  const unit = new AmdviUnit({
    ...{ state, memory, caches, features: [features[0]!, features[1]!], messages: { send: () => undefined } },
    ...{ deviceTags: 1, commands: 2, deviceTlb: tlb },
  });
  const entry = DeviceEntry;
  const fields: readonly FieldValue[] = [
    ...([entry.v, entry.tv, entry.ir, entry.iw, entry.i] as const).map((f) => [f, 1] as const),
    ...([
      [entry.mode, 3],
      [entry.did, did],
      [entry.frame as Field, table.root.address / frameBytes],
    ] as const),
  ];
  memory.store(byte(at.devices) + requester * 32, composed(8, fields));
  const { registers } = unit;
  const { registers: offset } = amdviRegisters;
  registers.write64(offset.devtab.offset, byte(at.devices), 0);
  registers.write64(offset.cmdbuf.offset, byte(at.queue), 0x0800_0000);
  registers.write64(offset.evtlog.offset, byte(at.events), 0x0800_0000);
  const on = [Control.iommuEn, Control.eventLogEn, Control.cmdBufEn].map((f) => [f, 1] as const);
  const control = composed(2, [...on, [Control.invTimeOut, 4]]);
  registers.write64(offset.control.offset, control[0]!, control[1]!);
  const [P, D, W] = [A.InvalidatePages, A.InvalidateDeviceTlb, A.CompletionWait];
  const commands = [
    composed(4, [
      [P.opcode, A.Opcode.invalidatePages],
      [P.did, did],
      [P.page as Field, frame],
    ]),
    composed(4, [
      [D.opcode, A.Opcode.invalidateDeviceTlb],
      [D.device, requester],
      [D.queue, requester],
      [D.maxPend, 1],
      [D.page as Field, frame],
    ]),
    composed(4, [
      [W.opcode, A.Opcode.completionWait],
      [W.s, 1],
      [W.at, byte(at.status) / 8],
      [W.dataLow, 1],
    ]),
  ];
  return {
    sink: unit,
    transaction: unit.transactions[0]!,
    actors: [unit.queue],
    isOwed: () => unit.tags.busyCount > 0,
    timedOut: () => unit.queue.timedOut(0),
    ask() {
      for (const [n, command] of commands.entries()) memory.store(byte(at.queue) + n * 16, command);
      registers.write64(offset.cmdTail.offset, commands.length * 16, 0);
    },
    isAnswered: () => memory.load32(byte(at.status)) === 1,
  };
}

export function smmuv3({ state, memory, tlb }: Parts, table: Mapper): Vendor {
  const ones = [Idr0.s1p, Idr0.cohacc, Idr0.ats, Idr0.asid16].map((f) => [f, 1] as const);
  const identification = {
    idr0: composed(1, ones)[0]!,
    idr1: composed(1, [
      [Idr1.sidSize, 6],
      [Idr1.cmdqs, 4],
      [Idr1.eventqs, 4],
    ])[0]!,
    ...{
      idr3: 0,
      idr5: composed(1, [
        [Idr5.oas, 4],
        [Idr5.gran4k, 1],
      ])[0]!,
    },
  };
  const unit = new SmmuUnit({
    ...{ state, memory, caches, identification, messages: { send: () => undefined } },
    ...{ deviceTags: 1, deviceTlb: tlb, fetchBits: 512 },
  });
  const [cd, ste] = [ContextDescriptor, StreamEntry];
  const yes = [cd.v, cd.aa64, cd.a, cd.r, cd.aset, cd.epd1].map((f) => [f as Field, 1] as const);
  const context: readonly FieldValue[] = [
    ...yes,
    [cd.ips, 4],
    [cd.t0sz, 16],
    [cd.asid, did],
    [cd.ttb0 as Field, table.root.address / 16],
  ];
  memory.store(byte(at.status), composed(16, context));
  const stream: readonly FieldValue[] = [
    [ste.v, 1],
    [ste.config, 5],
    [ste.eats, 1],
    [ste.s1Context as Field, byte(at.status) / 64],
  ];
  memory.store(byte(at.devices) + requester * 64, composed(16, stream));
  const { registers } = unit;
  const { registers: offset } = smmuRegisters;
  registers.write32(offset.cr2.offset, 2);
  registers.write64(offset.strtabBase.offset, byte(at.devices), 0);
  registers.write32(offset.strtabBaseCfg.offset, 6);
  registers.write64(offset.cmdqBase.offset, byte(at.queue) + 4, 0);
  registers.write64(offset.eventqBase.offset, byte(at.events) + 4, 0);
  registers.write32(offset.cr0.offset, 0x1d);
  const [T, C, Y] = [S.NhVa, S.AtcInvalidate, S.Sync];
  const sync = composed(4, [[Y.op, S.Command.sync]]);
  const commands = [
    composed(4, [
      [T.op, S.Command.nhVa],
      [T.asid, did],
      [T.leaf, 1],
      [T.page as Field, frame],
    ]),
    sync,
    composed(4, [
      [C.op, S.Command.atcInv],
      [C.sid, requester],
      [C.page as Field, frame],
    ]),
    sync,
  ];
  const isInError = () => ((registers.get("gerror") ^ registers.get("gerrorn")) & 1) === 1;
  const handler: Actor = {
    name: "error handler",
    choices: () => (isInError() ? 1 : 0),
    label: () => "let the queue try again",
    step: () => registers.write32(offset.gerrorn.offset, registers.get("gerror")),
    atomic: () => "an error is acknowledged by one store",
  };
  return {
    sink: unit,
    transaction: unit.transactions[0]!,
    actors: [unit.queue, handler],
    isOwed: () => unit.tags.busyCount > 0,
    timedOut: () => unit.queue.timedOut(0),
    ask() {
      for (const [n, command] of commands.entries()) memory.store(byte(at.queue) + n * 16, command);
      registers.write32(offset.cmdqProd.offset, commands.length);
    },
    isAnswered: () => (registers.get("cmdqCons") & 0xf_ffff) === commands.length,
  };
}
