/**
 * A VT-d unit as it runs and devices in the midst of their writes: what machines of attaching, detaching and replacing are
 * made of. What no unit of AMD's is needed for is shown on it as well.
 */

import type { Universe } from "../../../check/universe.js";
import { Outcome } from "../../../hw/iommu/core/request.js";
import { type AttachRule, attachRule } from "../../../sw/iommu/group/bugs.js";
import type { ProtocolStep } from "../../../sw/iommu/lifetime/protocol.js";
import { ask, awaited, change } from "../../../sw/iommu/lifetime/steps.js";
import type { DeviceOptions, MachineOptions } from "../layout.js";
import { type BuiltMachine, contextAt, contextWords } from "../machine.js";
import { type UniverseOptions, universeOf } from "../universe_of.js";

export const frame = 4;
export const requester = 0x18;
/** It keeps nothing; its one write may be under way at any time. */
export const plain: DeviceOptions = { requester, domain: 0, manners: null, writes: [frame] };
export const second: DeviceOptions = { ...plain, requester: requester + 8, domain: 1 };

/** A region of the firmware's, or what domains map alike: both lead a frame to one page. */
export const alike = (devices: readonly DeviceOptions[]): MachineOptions => ({
  domains: [1, 2].map((did) => ({ did, maps: [{ frame, page: 0 }] })),
  ...{ devices, pages: 1, owners: [0], timeOuts: 0 },
});

/** A domain for each page, which it maps at the same frame, and the ids of their tags. */
export const machine = (dids: readonly number[], devices: readonly DeviceOptions[]): MachineOptions => ({
  domains: dids.map((did, page) => ({ did, maps: [{ frame, page }] })),
  ...{ devices, pages: dids.length, owners: dids.map((_, n) => n), timeOuts: 0 },
});

interface Shown extends Pick<UniverseOptions, "machine" | "protocols"> {
  readonly rule: AttachRule;
  /** Devices that are led nowhere at first, by their index. */
  readonly unattached?: readonly number[];
  /** The first page has a taker as soon as it is free. */
  readonly isTaken?: boolean;
}

export const shown = ({ rule, unattached = [], isTaken = false, ...o }: Shown): Universe =>
  universeOf({
    ...{ ...o, rules: rule === "I1" ? ["I1"] : [], takes: isTaken ? [{ page: 0 }] : [] },
    begins(m) {
      for (const n of unattached) m.memory.store(contextAt(o.machine.devices[n]!.requester), [0, 0, 0, 0]);
    },
    ...(rule === "I5" && {
      more: (m) => ({ [attachRule("I5")]: () => m.devices.every((d) => !isRefused(d)) }),
      seen: refusals,
    }),
  });

/** What devices have come to whose writes were refused. */
const refusals = ({ devices }: BuiltMachine) =>
  Object.fromEntries(
    devices.flatMap((d, n) =>
      isRefused(d) ? [[devices.length > 1 ? `device ${n + 1}` : "the device", "is refused"]] : [],
    ),
  );

const isRefused = ({ transaction }: BuiltMachine["devices"][number]) =>
  transaction.isDone && transaction.result.outcome === Outcome.refused;

export const context = (m: BuiltMachine, domain: number, did: number) =>
  contextWords({ did, table: m.domains[domain]!.top });

/** One store of the whole entry. */
export const lead = (
  m: BuiltMachine,
  o: { readonly requester: number; readonly domain: number; readonly did: number },
) => change("store its entry", ({ memory }) => memory.store(contextAt(o.requester), context(m, o.domain, o.did)));

export const clearEntry = (device: number) =>
  change("clear its entry", ({ memory }) => memory.store(contextAt(device), [0, 0, 0, 0]));

export const told = (name: string, ...descriptors: readonly Uint32Array[]): readonly ProtocolStep[] => [
  ask({ name, descriptors }),
  { ...awaited, name: `${name}: answered?` },
];
