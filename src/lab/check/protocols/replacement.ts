/** Entries that are replaced while a device writes through the unit, one protocol for each structure. */
import { amdviFlight } from "../../replace/flight/amdvi.js";
import { changeIsOver, inFlight } from "../../replace/flight/in_flight.js";
import { smmuContextFlight, smmuFlight } from "../../replace/flight/smmuv3.js";
import type { Flight } from "../../replace/flight/unit.js";
import { vtdFlight, vtdLegacyFlight } from "../../replace/flight/vtd.js";
import { pairOf } from "../../replace/table.js";
import { numbers, type Parameters } from "../parameter.js";
import type { OwnMachine, Protocol } from "../protocol.js";

const fetches = ["64", "128", "256", "512"] as const;
const best = "best";
const asHardware = "as-hardware";
const alone = "none";
const neighbours = { "old-tag": "the old tag", "own-tag": "its own tag" } as const;

/** @param usual kinds that are replaced unless others are asked for */
function replaced(flight: Flight, usual: readonly [from: string, to: string], hasNeighbour = false): OwnMachine {
  const { of } = flight;
  const first = (word: string, all: readonly string[]) => [word, ...all.filter((w) => w !== word)];
  const kinds = Object.keys(of.kinds);
  const parameters: Parameters = {
    from: { about: "what the entry says before", values: first(usual[0], kinds) },
    to: { about: "what it says then", values: first(usual[1], kinds) },
    way: {
      about: "in which way; best: the safest of them for this pair",
      values: [best, ...Object.keys(of.sequences)],
    },
    fetch: { about: "what the unit reads of the entry at once, in bits", values: [asHardware, ...fetches] },
    writes: numbers("writes of the device", 2, 1, 3),
    ...(hasNeighbour && {
      neighbour: {
        about: "another device that stays, and under which tag",
        values: [alone, ...Object.keys(neighbours)],
      },
    }),
  };
  return {
    parameters,
    build({ from, to, way, fetch, writes, neighbour = alone }) {
      const fetchBits = fetch === asHardware ? undefined : (Number(fetch) as 64 | 128 | 256 | 512);
      const hardware = fetchBits === undefined ? {} : { fetchBits };
      const sequence = way === best ? pairOf(of, from!, to!, hardware).best?.sequence : way!;
      if (sequence === undefined) return `no way from ${from} to ${to} is without a gap; name one of them with way=`;
      const only = of.sequences[sequence]!.kinds;
      if (only !== undefined && !(only.includes(from!) && only.includes(to!)))
        return `way ${sequence} is for ${only.join(", ")} alone`;
      const forbidden = of.sequences[sequence]!.forbids?.(of.entry(from!, "old"), of.entry(to!, "new")) ?? null;
      if (forbidden !== null) return `way ${sequence} is not allowed here, whatever a search finds: ${forbidden}`;
      const beside = neighbour === alone ? {} : { neighbour: neighbours[neighbour as keyof typeof neighbours] };
      const options = { flight, from: from!, to: to!, sequence, writes: Number(writes), ...hardware, ...beside };
      return () => inFlight(options);
    },
    mustSee: () => [changeIsOver],
  };
}

export const replacementProtocols: readonly Protocol[] = [
  {
    id: "replace-vtd-context",
    title: "a context entry of VT-d's legacy mode is replaced under DMA",
    machine: replaced(vtdLegacyFlight, ["legacy", "legacy"]),
    bugs: ["context-not-written-back", "width-of-another-root", "quarantine-keeps-the-root"],
  },
  {
    id: "replace-vtd-pasid",
    title: "a PASID entry of VT-d's scalable mode is replaced under DMA",
    machine: replaced(vtdFlight, ["ss", "fs"], true),
    bugs: ["old-domain-not-flushed", "pasid-entry-copied", "pasid-entry-zeroed"],
  },
  {
    id: "replace-amd",
    title: "a device table entry of AMD-Vi is replaced under DMA",
    machine: replaced(amdviFlight, ["v1", "v1"]),
    bugs: ["id-shared", "host-entry-word-by-word", "quarantine-one-level-off", "passthrough-precedence"],
  },
  {
    id: "replace-smmu-ste",
    title: "a stream table entry of an SMMUv3 is replaced under DMA",
    machine: replaced(smmuFlight, ["s1", "bypass"]),
    bugs: ["stream-blocked-on-the-way", "harmless-bits-decide"],
  },
  {
    id: "replace-smmu-cd",
    title: "a context descriptor of an SMMUv3 is replaced under DMA",
    machine: replaced(smmuContextFlight, ["s1", "s1"]),
    bugs: [],
  },
];
