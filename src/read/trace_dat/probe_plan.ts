/** Where in a probe's record its arguments are, and the record into a batch. For the few events that probes write. */
import type { EventBatch } from "../event.js";
import { ProbeValues } from "../probes/probe_values.js";
import { isEntry, type Probe, ProbeRole, probes } from "../probes/probes.js";
import type { DeviceTable } from "./device_table.js";
import type { Format } from "./format.js";

export interface ProbePlan {
  readonly probe: Probe;
  readonly leastBytes: number;
  /** Offset of a `__data_loc` with the device's name, -1 for none. */
  readonly deviceAt: number;
  readonly numbers: readonly {
    readonly role: ProbeRole;
    /** -1 for an argument that is no entry. */
    readonly entry: number;
    readonly at: number;
    readonly bytes: number;
  }[];
}

const widths: ReadonlySet<number> = new Set([1, 2, 4, 8]);

/** @returns null for an event that is no listed probe. */
export function probePlan(format: Format): ProbePlan | null {
  const probe = probes.find((p) => p.name === format.name);
  if (probe === undefined || format.fields.length === 0) return null;
  const numbers: ProbePlan["numbers"][number][] = [];
  let deviceAt = -1;
  let leastBytes = 0;
  for (const field of format.fields) {
    const [, letters = "", digits = ""] = /^(\D+?)(\d*)$/.exec(field.name) ?? [];
    const role = probe.args[letters];
    if (role === undefined || isEntry(role) === (digits === "")) continue;
    if (role === ProbeRole.device) {
      if (field.where === "data_loc" && field.size === 4) deviceAt = field.offset;
    } else if (field.where === "here" && widths.has(field.size)) {
      numbers.push({ role, entry: digits === "" ? -1 : Number(digits), at: field.offset, bytes: field.size });
    } else continue;
    leastBytes = Math.max(leastBytes, field.offset + field.size);
  }
  numbers.sort((a, b) => a.role - b.role || a.entry - b.entry);
  return { probe, leastBytes, deviceAt, numbers };
}

export class ProbeDecoder {
  readonly #values = new ProbeValues();
  readonly #devices: DeviceTable;
  readonly #little: boolean;

  constructor(devices: DeviceTable, little: boolean) {
    this.#devices = devices;
    this.#little = little;
  }

  /** Fill event i from the record of `bytes` bytes at `at`, which is long enough for the plan. */
  decode(plan: ProbePlan, batch: EventBatch, i: number, view: DataView, at: number, bytes: number): void {
    const values = this.#values;
    const little = this.#little;
    values.clear();
    for (const field of plan.numbers) {
      const from = at + field.at;
      const wide = field.bytes === 8;
      const high = wide ? view.getUint32(from + (little ? 4 : 0), little) : 0;
      const low = wide ? view.getUint32(from + (little ? 0 : 4), little) : this.#narrow(view, from, field.bytes);
      if (field.entry < 0) values.put(field.role, high, low);
      else values.putEntry(field.role, field.entry, high, low);
    }
    if (!values.write(plan.probe, batch, i) || plan.deviceAt < 0) return;
    const location = view.getUint32(at + plan.deviceAt, little);
    const offset = location & 0xffff;
    const length = location >>> 16;
    if (offset + length <= bytes) batch.device[i] = this.#devices.id(view, at + offset, length);
  }

  #narrow(view: DataView, at: number, bytes: number): number {
    if (bytes === 4) return view.getUint32(at, this.#little);
    return bytes === 2 ? view.getUint16(at, this.#little) : view.getUint8(at);
  }
}
