/** Rules about what is no memory: configuration space, interrupt controllers, flash, windows of devices, and the unknown. */
import { plural } from "../../../base/count_words.js";
import { frameBytes } from "../../../base/frame.js";
import { grouped } from "../../../base/grouped.js";
import { hex } from "../../../base/hex.js";
import { bytesInWords } from "../../words/quantity.js";
import type { Finding, Weight } from "../facts/inspection.js";
import type { Known, Rule } from "../facts/known.js";
import type { PlaceKind } from "../place.js";
import { outsideOf } from "../places/outside.js";
import { ownersWithin } from "./owners.js";
import { namesOf, stretchWords } from "./words.js";

/** What it comes to that a device may write there; null: nothing, since what it writes does not get there. */
const judged: Readonly<Record<PlaceKind, { readonly weight: Weight; readonly why: string } | null>> = {
  unit: { weight: "trouble", why: "who controls the device can switch the unit off, or give it other tables" },
  configuration: { weight: "unproven", why: "who controls the device can set up every PCI device anew" },
  interrupts: {
    weight: "unproven",
    why: "who controls the device can raise the interrupts of others, or redirect them",
  },
  "translated interrupts": {
    weight: "note",
    why: "it tells devices apart: each raises its own interrupts there and no other",
  },
  timer: { weight: "unproven", why: "who controls the device can raise the timer's interrupts, or stop it" },
  tpm: { weight: "unproven", why: "who controls the device can speak to the TPM in the kernel's name" },
  flash: {
    weight: "unproven",
    why: "where the chipset does not protect it, who controls the device can change the firmware",
  },
  window: {
    weight: "unproven",
    why: "one device writes straight to another, and can make it do what that one is allowed",
  },
  chipset: { weight: "unproven", why: "what such a write does, the chipset decides" },
  legacy: { weight: "note", why: "what is written there is seen on the screen, or lost" },
  messages: null,
};

const notMemory: Rule = {
  name: "not-memory",
  about: "A device may write to what is no memory.",
  find: (known) =>
    known.places.flatMap((place): Finding[] => {
      const judgement = judged[place.kind];
      const owners = judgement === null ? [] : ownersWithin(known.index, place, 2);
      if (judgement === null || owners.length === 0) return [];
      const devices = owners.flatMap(({ owner }) => known.index.owners[owner]!).sort((a, b) => a - b);
      const first = Math.min(...owners.map((o) => o.first));
      return [
        {
          rule: "not-memory",
          weight: judgement.weight,
          what: `${devices.length === 1 ? "a device" : plural(devices.length, "device")} may write to ${place.what}`,
          where: `${namesOf(known.devices, devices)}: first at ${hex(first)}, of ${stretchWords(place)}`,
          why: judgement.why,
          devices,
          place: { paddr: first, bytes: frameBytes },
        },
      ];
    }),
};

const outsideMemory: Rule = {
  name: "outside-memory",
  about: "A mapping leads to where the image holds no memory, and nobody says what is there.",
  find: (known) =>
    [...grouped(outsideOf(known), (p) => `${p.first.from} ${p.first.to} ${p.bytes}`).values()].map((alike) => {
      const { bytes, first } = alike[0]!;
      const devices = alike.flatMap(({ owner }) => known.index.owners[owner]!).sort((a, b) => a - b);
      return {
        rule: "outside-memory",
        weight: "unproven",
        what: `${bytesInWords(bytes)} are mapped outside of memory, and nobody says what is there`,
        where: `${namesOf(known.devices, devices)}: first ${stretchWords(first)}`,
        why: `a device's window, ${doorbell(known)}, or a wrong entry; the firmware's tables or --pci may say`,
        devices,
        place: { paddr: first.from, bytes: first.to - first.from },
      } satisfies Finding;
    }),
};

const doorbell = (known: Known): string =>
  known.units.some((u) => u.kind === "smmuv3")
    ? "the doorbell of interrupts that every device maps on Arm"
    : "a doorbell of interrupts";

export const placeRules: readonly Rule[] = [notMemory, outsideMemory];
