/**
 * Commands that an SMMUv3 refuses: unknown ones, those of what it has not, reserved bits and values.
 *
 * Source: IHI 0070 G, 4.1.3, 4.1.5 (a unit may refuse reserved bits), and the section of each command; 4.4.1.1 (ranges).
 */
import { read } from "../../../bits/field.js";
import * as C from "../../../spec/smmuv3/command_layouts.js";
import { Idr0, Idr3 } from "../../../spec/smmuv3/registers.js";
import { reservedSet } from "../../../table/device/entry.js";
import { levelOf } from "./caches_told.js";
import type { SmmuRegisters } from "./registers.js";

const { Command } = C;
const ofFirstStage: ReadonlySet<number> = new Set([
  ...[Command.cd, Command.cdAll, Command.nhAll, Command.nhAsid, Command.nhVa, Command.nhVaa],
]);
const ofHypervisors: ReadonlySet<number> = new Set([
  ...[Command.el2All, Command.el2Asid, Command.el2Va, Command.el2Vaa],
]);
const ofRanges: ReadonlySet<number> = new Set([
  ...[Command.nhVa, Command.nhVaa, Command.el2Va, Command.el2Vaa, Command.s2Ipa],
]);
/** Those that can name a secure stream. */
const withSecurity: ReadonlySet<number> = new Set([
  ...[Command.prefetchConfig, Command.prefetchAddress, Command.ste, Command.steRange, Command.cd, Command.cdAll],
  ...[Command.resume, Command.stallTerm],
]);

/** Is it one that the unit does not take? */
export function isIllegal(registers: SmmuRegisters, w: Uint32Array): boolean {
  const op = read(w, 0, C.Sync.op);
  const about = C.commandLayouts[op];
  if (about === undefined || reservedSet(w, 0, about)) return true;
  if (withSecurity.has(op) && read(w, 0, C.SteInvalidate.ssec) === 1) return true;
  const has = (field: Parameters<typeof read>[2]) => registers.read("idr0", field) === 1;
  if (ofFirstStage.has(op) && !has(Idr0.s1p)) return true;
  if (ofHypervisors.has(op) && !has(Idr0.hyp)) return true;
  if (ofRanges.has(op) && isIllegalRange(registers, w)) return true;
  switch (op) {
    case Command.s12VmAll:
    case Command.s2Ipa:
      return !has(Idr0.s2p);
    case Command.atcInv:
      return !has(Idr0.ats) || read(w, 0, C.AtcInvalidate.size) > 52;
    case Command.priResp:
      return !has(Idr0.pri) || read(w, 0, C.PageResponse.resp) === 3;
    case Command.resume:
    case Command.stallTerm:
      return registers.read("idr0", Idr0.stallModel) === 1;
    case Command.sync:
      return read(w, 0, C.Sync.cs) === 3;
    default:
      return false;
  }
}

function isIllegalRange(registers: SmmuRegisters, w: Uint32Array): boolean {
  const { num, scale, ttl, tg } = C.NhVa;
  const granule = read(w, 0, tg);
  const isOne = read(w, 0, num) === 0 && read(w, 0, scale) === 0;
  if (granule === 0) return !isOne || read(w, 0, ttl) !== 0;
  if (registers.read("idr3", Idr3.ril) === 0) return true;
  return isOne && levelOf([0, 12, 14, 16][granule]!, read(w, 0, ttl)) === 0;
}
