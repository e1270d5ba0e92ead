/** Who is below whom on the bus, as far as a list of its functions says. */
import { PciClass } from "../../../spec/pcie/class_names.js";
import type { BusDevice } from "../facts/known.js";

interface Place {
  readonly segment: number;
  readonly requester: number;
}

/** Where a path leads. `above`: to a bus that nobody names, whose number is above this one. */
export type PathEnd =
  | { readonly kind: "function"; readonly requester: number }
  | { readonly kind: "absent" }
  | { readonly kind: "unknown"; readonly above: number };

export class Topology {
  readonly #functions = new Map<number, BusDevice>();
  readonly #buses = new Set<number>();
  readonly #physical = new Map<number, BusDevice>();
  readonly #lost = new Map<number, boolean>();

  /** @param bus what is on it; null: nobody says */
  constructor(bus: readonly BusDevice[] | null) {
    for (const device of bus ?? []) {
      this.#functions.set(keyOf(device), device);
      this.#buses.add(busOf(device));
      for (const requester of device.virtualFunctions ?? []) {
        this.#physical.set(keyOf({ segment: device.segment, requester }), device);
      }
    }
  }

  at(place: Place): BusDevice | undefined {
    return this.#functions.get(keyOf(place));
  }

  /** The physical function whose virtual function this is; itself where it is none, or nobody says. */
  physical<T extends Place>(place: T): T | BusDevice {
    return this.#physical.get(keyOf(place)) ?? place;
  }

  /** Nobody says whose virtual function it is. */
  isOrphan(place: Place): boolean {
    return /\bVirtual Function\b/i.test(this.at(place)?.text ?? "") && !this.#physical.has(keyOf(place));
  }

  /** From `bus` through bridges down to a function. @param path devices and functions, eight bits each */
  follow(segment: number, bus: number, path: readonly number[]): PathEnd {
    let on = bus;
    for (const devfn of path.slice(0, -1)) {
      const bridge = this.#functions.get(keyOf({ segment, requester: (on << 8) | devfn }));
      if (bridge === undefined) return this.#lists(segment, on) ? { kind: "absent" } : { kind: "unknown", above: on };
      if (bridge.buses === null) return { kind: "unknown", above: on };
      on = bridge.buses.secondary;
    }
    return { kind: "function", requester: (on << 8) | path.at(-1)! };
  }

  /**
   * Is a device below this function? null: nobody says, and its bus number does not rule it out. Buses below a bridge
   * have higher numbers than its own.
   */
  isBelow(device: Place, bridge: Place): boolean | null {
    const [own, bus] = [bridge.requester >>> 8, device.requester >>> 8];
    if (device.segment !== bridge.segment || bus <= own) return false;
    const known = this.at(bridge);
    // Whoever is below a bridge that is not listed shows that the list is a part.
    if (known === undefined) return this.#lists(bridge.segment, own) && !this.#isLost(device) ? false : null;
    if (known.buses !== null) return leadsTo(known, bus);
    return known.class == null || known.class === PciClass.pciBridge ? null : false;
  }

  /** The list names functions of this bus, so that those it does not name are not there. */
  #lists(segment: number, bus: number): boolean {
    return this.#buses.has(segment * 256 + bus);
  }

  /**
   * On a bus that looks as one below a PCIe port, with device 0 alone, and that no listed bridge may lead to. A root bus has
   * a host bridge, or several devices.
   */
  #isLost({ segment, requester }: Place): boolean {
    if ((requester & 0xf8) !== 0) return false;
    const bus = segment * 256 + (requester >>> 8);
    const known = this.#lost.get(bus);
    if (known !== undefined) return known;
    const all = [...this.#functions.values()].filter((f) => f.segment === segment);
    const [here, led] = [all.filter((f) => busOf(f) === bus), all.some((f) => mayLeadTo(f, requester >>> 8))];
    const isBelowPort = here.every((f) => (f.requester & 0xf8) === 0 && f.class !== PciClass.hostBridge);
    const isLost = !led && requester >>> 8 !== 0 && isBelowPort;
    this.#lost.set(bus, isLost);
    return isLost;
  }
}

/** A bridge whose buses nobody gives may lead to any higher one. */
const mayLeadTo = (f: BusDevice, bus: number): boolean =>
  f.buses === null ? f.class === PciClass.pciBridge && f.requester >>> 8 < bus : leadsTo(f, bus);

const leadsTo = ({ buses }: BusDevice, bus: number): boolean =>
  buses !== null && buses.secondary <= bus && bus <= buses.subordinate;

const keyOf = ({ segment, requester }: Place) => segment * 65536 + requester;
const busOf = ({ segment, requester }: Place) => segment * 256 + (requester >>> 8);
