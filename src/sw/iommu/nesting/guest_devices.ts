/**
 * A guest's devices on the host: the guest's unit is one that a monitor gives it, and the real one translates by the guest's
 * tables, which lie in guest addresses, and by the host's, which lead from those to its own.
 *
 * Before the guest's unit translates, and where the guest lets a device pass, the host's second stage alone leads it. Where
 * the guest's tables cannot be read, or block, it is blocked.
 */
import type { Attachment, LookupFault } from "../../../table/device/index.js";
import type { AttachedDevice, LedTo, UnitDomain, UnitDriver } from "../unit_driver.js";
import { lostEvery, type NestingBug } from "./bugs.js";
import type { GuestTagged, GuestVendor } from "./guest_vendor.js";
import { HostTags } from "./host_tags.js";

export interface GuestDevicesOptions {
  /** The host's, whose domains are second stages. */
  readonly driver: UnitDriver;
  /** From guest addresses to the host's. */
  readonly second: UnitDomain;
  readonly vendor: GuestVendor;
  /** What the guest's tables say of a device now. */
  readonly attached: (requester: number) => Attachment | LookupFault;
  /** Whether the host's unit keeps translations under a tag. */
  readonly keeps: (id: number) => boolean;
  readonly bug?: NestingBug;
}

interface Held {
  readonly device: AttachedDevice;
  /** What was made of what the guest's tables said, to see whether they say something else. */
  said: string;
  /** Its tags where the guest translates for it, and the key of the host's. */
  tagged: (GuestTagged & { readonly key: number | null }) | null;
}

export interface NestingCounts {
  /** How often a device was led through tables of the guest. */
  readonly nested: number;
  /** Commands of the guest that its unit carried out, and commands that the host's was given on that account. */
  readonly told: number;
  readonly carriedOver: number;
  /** Of `lost-invalidation`. */
  readonly lost: number;
  /** Tags that were given while the unit kept translations of who had them before (I6). */
  readonly recycled: number;
}

export class GuestDevices {
  readonly #o: GuestDevicesOptions;
  readonly #tags: HostTags;
  readonly #held = new Map<number, Held>();
  readonly #counts = { nested: 0, told: 0, carriedOver: 0, lost: 0, recycled: 0 };

  constructor(o: GuestDevicesOptions) {
    this.#o = o;
    this.#tags = new HostTags(o.second.id + 1);
  }

  get counts(): NestingCounts {
    return { ...this.#counts };
  }

  /** A device is the guest's from now on. */
  add(device: AttachedDevice): void {
    this.#held.set(device.requester, { device, said: "bypass", tagged: null });
    this.#o.driver.attach(device, this.#o.second);
  }

  /** The guest's unit carries a command out. When this returns, it is done on the host. */
  told(command: Uint32Array): void {
    const { driver, vendor, second, bug } = this.#o;
    this.#counts.told++;
    if (vendor.changesEntries(command)) for (const held of this.#held.values()) this.#follow(held);
    const devices = [...this.#held.values()].flatMap(({ tagged }) => (tagged === null ? [] : [tagged]));
    const commands = vendor.carriedOver(command, { devices, second: second.id });
    if (commands.length === 0) return;
    if (bug === "lost-invalidation" && (this.#counts.carriedOver + this.#counts.lost) % lostEvery === lostEvery - 1) {
      this.#counts.lost += commands.length;
      return;
    }
    this.#counts.carriedOver += commands.length;
    driver.submit(commands);
  }

  #follow(held: Held): void {
    const { driver, second, attached } = this.#o;
    const { device } = held;
    const found = attached(device.requester);
    const guest = this.#guestEntry(found);
    const said = guest === null ? ("state" in found ? found.state : "blocked") : guest.join();
    if (said === held.said) return;
    held.said = said;
    const old = held.tagged;
    held.tagged = null;
    if (guest !== null) {
      const guestId = (found as Attachment).domain ?? 0;
      this.#counts.nested++;
      const key = this.#keyOf(guestId);
      const id = key === null ? second.id : this.#tags.take(key, (given) => this.#given(given));
      held.tagged = { device, guestId, id, key };
      driver.attach(device, { id, root: second.root, guest });
    } else {
      driver.attach(device, this.#plain(found));
    }
    if (old !== null && old.key !== null) this.#tags.release(old.key, (id) => this.#flush(id, device));
  }

  /** null: the guest's tables do not translate. */
  #guestEntry(found: Attachment | LookupFault): Uint32Array | null {
    if (!("state" in found) || found.state !== "translated") return null;
    return found.entries.find((e) => e.about === this.#o.vendor.entry)?.words ?? null;
  }

  #plain(found: Attachment | LookupFault): LedTo {
    return "state" in found && (found.state === "identity" || found.state === "bypass") ? this.#o.second : "blocked";
  }

  #keyOf(guestId: number): number | null {
    const { tagOf } = this.#o.vendor;
    return tagOf === "second stage" ? null : tagOf === "attachment" ? this.#counts.nested : guestId;
  }

  #given(id: number): void {
    if (this.#o.keeps(id)) this.#counts.recycled++;
  }

  #flush(id: number, device: AttachedDevice): void {
    const { driver, second, bug } = this.#o;
    if (bug !== "nested-id-recycled") driver.flushesOf({ id, root: second.root }, [device]).flushAll();
  }
}
