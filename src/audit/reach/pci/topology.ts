/** Who is below whom on the bus, as far as a list of its functions says. */
import { PciClass } from "../../../spec/pcie/class_names.js";
import type { BusDevice } from "../findings/known.js";

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
      if (bridge === undefined)
        return this.#isListed(segment, on) ? { kind: "absent" } : { kind: "unknown", above: on };
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
    if (known === undefined) return this.#isListed(bridge.segment, own) ? false : null;
    if (known.buses !== null) return known.buses.secondary <= bus && bus <= known.buses.subordinate;
    return known.class == null || known.class === PciClass.pciBridge ? null : false;
  }

  /** The list names functions of this bus, so that those it does not name are not there. */
  #isListed(segment: number, bus: number): boolean {
    return this.#buses.has(segment * 256 + bus);
  }
}

const keyOf = ({ segment, requester }: Place) => segment * 65536 + requester;
const busOf = ({ segment, requester }: Place) => segment * 256 + (requester >>> 8);
