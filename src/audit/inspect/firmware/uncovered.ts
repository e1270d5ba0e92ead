/** Devices on the bus that no entry names, and what the units do with them. */
import type { MemoryView } from "../../../mem/view.js";
import { type Attachment, deviceTables, type LookupFault, type UnitRoot } from "../../../table/device/index.js";
import { type DeviceId, deviceName } from "../device_name.js";
import type { DeviceReach } from "../facts/inspection.js";
import type { BusDevice, Known, Sender, Uncovered, Unplaced } from "../facts/known.js";
import { endpointsOf, sendsNothing, sourceOf } from "../pci/senders.js";
import type { Coverage } from "./coverage.js";
import { streamOf } from "./streams.js";

interface Machine {
  readonly memory: MemoryView;
  readonly units: readonly UnitRoot[];
  readonly devices: readonly DeviceReach[];
  readonly bus: readonly BusDevice[] | null;
  /** null: firmware says nothing. */
  readonly coverage: Coverage | null;
}

type Outcome = Attachment | LookupFault;
/** What becomes of a device's requests. */
export type Fate =
  | { readonly kind: "entry"; readonly unit: number }
  | { readonly kind: "outcome"; readonly unit: number; readonly outcome: Outcome }
  | { readonly kind: "none" | "elsewhere" }
  | { readonly kind: "unknown"; readonly why: string };

export type OnTheBus = Required<Pick<Known, "uncovered" | "unplaced" | "senders" | "rootFunctions">>;

export function onTheBus(machine: Machine): OnTheBus {
  const bus = machine.bus ?? [];
  const found = {
    uncovered: [] as Uncovered[],
    unplaced: [] as Unplaced[],
    senders: [] as Sender[],
    rootFunctions: [] as BusDevice[],
  };
  const fateOf = fates(machine);
  for (const device of bus) {
    const endpoints = endpointsOf(device.segment, bus);
    if (endpoints !== null) {
      // What it does shows in the endpoint's own row.
      found.senders.push({ device, as: endpoints });
      continue;
    }
    const fate = fateOf(device);
    if (fate.kind === "none" && sendsNothing(device)) found.rootFunctions.push(device);
    else if (fate.kind === "none") found.uncovered.push({ device, outcome: null });
    else if (fate.kind === "unknown") found.unplaced.push({ device, why: fate.why });
    else if (fate.kind === "outcome") found.uncovered.push({ device, outcome: fate.outcome });
  }
  return found;
}

/** What becomes of the requests of any device. */
export function fates({ memory, units, devices, coverage }: Machine): (device: DeviceId) => Fate {
  const entries = new Set(devices.map((d) => `${d.unit} ${deviceName(d)}`));
  const has = (unit: number, device: DeviceId) => entries.has(`${unit} ${deviceName(device)}`);
  return (device) => {
    const sent = { segment: device.segment, requester: sourceOf(device, coverage?.acpi.aliases ?? []) };
    const behind = coverage?.behind(device) ?? "unknown";
    if (behind === "none" || behind === "elsewhere") return { kind: behind };
    const look = (i: number): Outcome => {
      const stream = streamOf(coverage?.listing(i), sent);
      return deviceTables[units[i]!.kind].lookup(memory, units[i]!, stream, null);
    };
    if (behind !== "unknown") {
      if (has(behind, sent)) return { kind: "entry", unit: behind };
      return { kind: "outcome", unit: behind, outcome: look(behind) };
    }
    const told = coverage !== null && coverage.acpi.units.length > 0;
    const possible = told
      ? coverage.possible(device)
      : [...units.keys()].filter((i) => units[i]!.segment === device.segment);
    const here = possible.filter((p) => typeof p === "number");
    // A kernel makes an entry in the tables of the unit that serves the device, and in no other.
    const holder = here.filter((i) => has(i, sent));
    if (holder.length > 0) return { kind: "entry", unit: holder[0]! };
    const outcomes = here.map((i) => ({ unit: i, outcome: look(i) }));
    const alike = new Set(outcomes.map(({ outcome }) => endsOf(outcome)));
    if (here.length === possible.length && alike.size === 1) return { kind: "outcome", ...outcomes[0]! };
    if (possible.length === 0) return { kind: "elsewhere" };
    const why = told ? coverage.whyUnknown(device) : "firmware's tables are not in the image";
    return { kind: "unknown", why };
  };
}

const endsOf = (outcome: Outcome): string => ("state" in outcome ? outcome.state : "fault");
