/** An HVM domain of Xen with a device passed through: each call by which a page leaves it, beside the device at work. */
import { frameBytes } from "../../base/frame.js";
import { explore } from "../../check/explore.js";
import type { Universe } from "../../check/universe.js";
import type { ProtocolStep } from "../../sw/iommu/lifetime/protocol.js";
import * as X from "../../sw/iommu/lifetime/xen_calls.js";
import { type MachineOptions, place } from "./layout.js";
import type { BuiltMachine } from "./machine.js";
import { universeOf } from "./universe_of.js";
import { type Rule, ruled, type SearchedCell } from "./watch.js";

const frame = 4;
const requester = 0x18;

export const xenCalls = ["decrease-reservation", "exchange", "transfer", "destroy"] as const;
export type XenCall = (typeof xenCalls)[number];

export interface PassthroughOptions {
  readonly call: XenCall;
  readonly held: X.Held;
  /** Has the device a TLB of its own? Default true. */
  readonly hasTlb?: boolean;
}

/** Pages of the book: what the guest has at the frame, what it gets there instead, the table of the frame's entry. */
const page = { first: 0, second: 1, table: 2 } as const;

export function passthrough({ call, held, hasTlb = true }: PassthroughOptions): Universe {
  const dies = call === "destroy";
  const manners = hasTlb ? "answers" : null;
  const machine: MachineOptions = {
    domains: [{ did: 1, maps: [{ frame, page: page.first }], ...(dies && { tablePage: page.table }) }],
    // What the unit itself keeps is filled by a first write, what a device keeps by its asking.
    devices: [{ requester, domain: 0, manners, writes: hasTlb ? [frame] : [frame, frame] }],
    ...{ pages: 3, timeOuts: 0 },
  };
  const entry = [(place.pages + page.second) * frameBytes + 3, 0];
  const steps = (m: BuiltMachine): readonly ProtocolStep[] => {
    const o = { site: m.site(0, frame), held, hasTlb };
    const { leafAt } = o.site;
    if (call === "transfer") return X.transfer(o);
    if (call === "exchange") return X.exchange({ ...o, by: page.second, entry });
    if (call === "destroy") return X.destroyDomain({ ...o, tablePage: page.table });
    return [...X.decreaseReservation(o), X.populate({ leafAt, page: page.second, entry })];
  };
  const garbage = (m: BuiltMachine) => m.memory.store(m.domains[0]!.leafAt(frame), entry);
  return universeOf({
    ...{ machine, rules: dies ? ["I1", "I2'", "I3", "I9"] : ["I1", "I2", "I3", "I9"] },
    takes: [{ page: page.first }, ...(dies ? [{ page: page.table, fill: garbage }] : [])],
    protocols: (m) => [{ name: "hypervisor", steps: steps(m) }],
  });
}

/** Of each call: what breaks, by what holds its pages, and how many states there are. */
export interface ComparedCall {
  readonly call: XenCall;
  readonly cells: readonly (SearchedCell & { readonly held: X.Held })[];
}

export const holds: readonly X.Held[] = ["by nothing", "by the wait", "by references"];

const limits = { statesMax: 50_000, bytesMax: 2 ** 27 };

/** Every call, held by each: of a device that keeps translations of its own, or of one that does not. */
export function compareCalls(hasTlb: boolean): readonly ComparedCall[] {
  return xenCalls.map((call) => ({
    call,
    cells: holds.map((held) => {
      const options = { auditEvery: 0, goesOn: true };
      const { violations, states, bounded } = explore(() => passthrough({ call, held, hasTlb }), limits, options);
      const broken = passthroughRules.flatMap((rule) =>
        violations.filter((v) => v.invariant === ruled(rule)).map(({ steps }) => ({ rule, steps: steps.length })),
      );
      return { held, broken, states, complete: bounded === null };
    }),
  }));
}

export const passthroughRules: readonly Rule[] = ["I1", "I2", "I2'", "I3", "I9"];
