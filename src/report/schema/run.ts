/** What a `dmalab.run/1` document looks like. Objects are open: unknown keys are never needed to read one. */
import { z } from "zod";
import { machineRunSchema } from "./machine_run.js";
import { scenarioSchema } from "./scenario.js";
import { xenSchema } from "./xen.js";

const count = z.number().int().nonnegative();
const seconds = z.number().describe("seconds of the recording's clock");
const bytes = count.describe("bytes");
const address = z
  .string()
  .regex(/^0x[0-9a-f]+$/)
  .describe("address, hexadecimal")
  .nullable();

const failure = z
  .looseObject({
    time: seconds,
    device: z.string(),
    size: bytes,
    reason: z.enum([
      "too-large",
      "exhausted",
      "fragmented",
      "area",
      "alignment",
      "boundary",
      "mask",
      "absent",
      "unknown",
    ]),
    free: count.describe("free slots of the whole pool at that instant"),
    longestRun: count.describe("longest run of free slots inside one slot set at that instant"),
    cpu: z.number().int(),
    slots: count.describe("slots that the request needs"),
    used: count.describe("slots in use at that instant"),
    words: z.string(),
  })
  .meta({ id: "RunFailure", description: "a request that the pool refused, and the pool at that instant" });

const device = z
  .looseObject({
    name: z.string(),
    driver: z.string().nullable(),
    maskBits: count.nullable().describe("bits of the DMA mask; null when none was seen"),
    minAlignMask: address,
    boundary: bytes.describe("segment boundary, 0 = none"),
    alignmentFrom: z.enum(["driver", "addresses", "assumed", "described"]),
    maps: count,
    direct: count,
    bounced: count,
    translated: count,
    failed: count,
    bytes,
    bouncedBytes: bytes,
    slotsPeak: count,
    slotsNow: count,
    live: count.nullable().describe("mappings alive at the end; null where their ends are not recorded"),
    why: z.array(z.looseObject({ words: z.string(), count })),
    engine: z.string().optional().describe("of a described machine: how its buffers are made reachable"),
    because: z.string().optional().describe("why the kernel took that engine"),
    foreign: count.optional().describe("mappings of another domain's pages"),
    split: count.optional(),
    merged: count.optional(),
  })
  .meta({ id: "RunDevice", description: "what became of one device's mappings" });

const pool = z
  .looseObject({
    slots: count.describe("slots of 2048 bytes"),
    areas: count,
    base: address,
    used: count.describe("slots in use at the end"),
    hiwater: count.describe("most slots in use at once"),
    hiwaterTime: seconds,
    counters: z
      .looseObject({ used: count.nullable(), hiwater: count.nullable() })
      .nullable()
      .optional()
      .describe("the kernel's own counters, read after the recording"),
    atLeast: z
      .boolean()
      .optional()
      .describe("the pool was in use before: used and hiwater are the least there can have been"),
    endsRecorded: z
      .boolean()
      .optional()
      .describe("false: ends of mappings are missing, and used, hiwater and what devices held are not known"),
    failures: z.array(failure),
    refusedLists: z.array(failure).describe("dma_map_sg lists that were refused and left no event of their own"),
    refusedTries: z
      .looseObject({
        lists: count,
        tries: count,
        again: z.array(z.looseObject({ device: z.string(), tries: count, from: seconds, to: seconds })),
      })
      .optional()
      .describe("the same, counted: different lists, how often they were tried, and those that were tried again"),
  })
  .meta({ id: "RunPool", description: "the bounce pool, and what it refused" });

const group = z
  .looseObject({
    device: z.string(),
    count,
    bytes,
    since: seconds.describe("when the oldest of them was mapped"),
    kind: z.string().optional(),
    direction: z.string().optional(),
    attrs: count.optional().describe("attributes of the mapping, as bits"),
    size: bytes.optional().describe("bytes of one mapping, of a whole list"),
    growing: z.boolean().optional().describe("their number kept growing: a leak"),
    evidence: z.string().optional(),
  })
  .meta({ id: "RunGroup", description: "mappings of one device that are alike" });

const compared = z.looseObject({ compared: count, equal: count });

const invalidations = z
  .looseObject({
    unmaps: count.describe("ranges that were unmapped"),
    covered: count.describe("those that every cache was told to forget before their address was used again"),
    coveredInAll: count.describe("of them, those whose domain no event names: in every domain that is ever flushed"),
    mappedAnew: count.describe("those whose memory was mapped anew before caches forgot it: lazy domains let that be"),
    broken: count.describe("those that were not, and the recording proves it"),
    waiting: count.describe("those that not every cache was told to forget when the recording ended"),
    unknown: z.array(z.looseObject({ count, why: z.string() })),
    descriptors: z
      .array(z.looseObject({ kind: z.string(), count }))
      .describe("descriptors of the units' queues, by what they ask for"),
    flushes: count.describe("flushes that the driver says it set out to make"),
    reachable: z
      .looseObject({
        count: count.describe("unmappings whose memory stayed reachable after its driver could use it again"),
        of: count.describe("of so many of which both moments are known"),
        median: z.number().nullable().describe("seconds"),
        max: z.number().nullable().describe("seconds"),
        byteSeconds: z.number().describe("bytes times seconds, summed"),
      })
      .nullable()
      .describe("how long unmapped memory stayed reachable; null where that cannot be told"),
    policy: z
      .looseObject({ mode: z.enum(["strict", "lazy"]).nullable().describe("null: nothing tells"), how: z.string() })
      .optional()
      .describe("whether the kernel flushes as it unmaps or later, and how that is known"),
    note: z.string().nullable().describe("why nothing is told"),
  })
  .meta({ id: "RunInvalidations", description: "unmappings of IOMMUs against what caches were told to forget" });

const side = z
  .looseObject({
    kind: z
      .enum(["translated", "identity", "blocked", "none", "untagged", "unknown"])
      .describe("none: it belonged to no domain; untagged: identity or blocked, nothing tells which"),
    domain: count.nullable().describe("the domain's number in its unit, where an event shows it"),
  })
  .meta({ id: "RunDomainSide", description: "what translated a device's requests" });

const domainChanges = z
  .looseObject({
    first: count.describe("devices that were given their first domain, as far as the recording goes back"),
    count: count.describe("all other changes"),
    broken: count.describe(
      "those of which caches were not told to forget the old domain as hardware asks, and the recording proves it",
    ),
    changes: z.array(
      z.looseObject({
        time: seconds.describe("when it was complete"),
        began: seconds.describe("its first event"),
        device: z.string().nullable().describe("null where no event names it"),
        pasid: count.describe("0: of requests without a PASID"),
        how: z
          .enum(["attach", "release", "PASID", "torn down"])
          .describe("torn down: what translated was taken away, and no attaching is recorded after it"),
        from: side,
        to: side,
        gap: z
          .looseObject({
            atLeast: z.number().describe("seconds"),
            atMost: z.number().nullable().describe("seconds; null where no event shows when the old domain ended"),
          })
          .nullable()
          .describe("how long nothing served the device's requests, as far as events show it"),
        gapNote: z.string().nullable().describe("why no gap is told"),
        asked: z.array(z.string()).describe("what the unit was asked to forget in between, in this order"),
        order: z.enum(["kept", "broken", "unknown"]).describe("whether that is the order that hardware asks for"),
        orderNote: z.string().nullable().describe("what is broken, or why it is unknown"),
        mapped: count.describe("mappings of the device that were seen to begin and not to end, when it was complete"),
        maps: count.describe("mappings made for the device during the change"),
        unmaps: count.describe("mappings of the device that ended during the change"),
      }),
    ),
    again: z
      .looseObject({
        count: count.describe("numbers of domains that served again after their last device had gone"),
        covered: count.describe("those that the IOTLB was told to forget in between"),
        broken: count.describe("those that it was not, and the recording proves it"),
        unknown: z.array(z.looseObject({ count, why: z.string() })),
      })
      .describe("numbers of domains that were given to another domain"),
  })
  .meta({ id: "RunDomainChanges", description: "devices that were given another domain" });

export const runSchema = z.looseObject({
  schema: z.literal("dmalab.run/1"),
  source: z.looseObject({
    format: z.enum(["trace.dat", "ftrace", "perf-script", "machine", "scenario"]),
    kernel: z.string().nullable(),
    events: count,
    lost: count,
    cpus: count,
    excerpt: z.boolean().optional().describe("neither the number of CPUs nor losses are stated"),
    from: seconds.nullable(),
    to: seconds.nullable(),
    warnings: z.array(z.looseObject({ where: z.string(), what: z.string() })),
  }),
  machine: z.looseObject({
    kernel: z.string().nullable(),
    cpus: count,
    swiotlb: z
      .looseObject({
        base: address,
        slots: count,
        areas: count,
        forced: z.boolean(),
        profile: z.string(),
        late: z.boolean().optional().describe("the recording begins with a pool that is in use"),
      })
      .nullable(),
    inferred: z.array(z.string()).describe("dotted names of what was inferred, not read"),
    evidence: z.array(z.string()),
    arch: z.string().optional().describe("of a described machine"),
    model: z.string().optional().describe("of a described machine: what its kernel knows of its frames"),
    domains: z
      .array(z.looseObject({ id: count, bytes }))
      .optional()
      .describe("of a described machine"),
    seed: count.optional().describe("of a described machine: it decides the order of the work"),
  }),
  maps: z.looseObject({
    total: count,
    direct: count,
    bounced: count,
    translated: count,
    foreign: count,
    failed: count,
    unknown: count.optional().describe("asked for, and what became of it is not recorded"),
  }),
  unknownBecause: z
    .array(z.looseObject({ words: z.string(), count, underWay: z.boolean() }))
    .optional()
    .describe("why it is not recorded what became of mappings; underWay: where the recording ends or lost events"),
  shows: z.enum(["mappings", "requests", "nothing"]).optional().describe("what the recording can show of mappings"),
  replayedOn: z.enum(["recorded", "other"]).optional().describe("other: of the pool or machine that was asked for"),
  requests: z
    .looseObject({
      devices: z.array(z.looseObject({ device: z.string(), count, bytes, least: bytes, most: bytes, refused: count })),
      refused: z.array(
        z.looseObject({
          time: seconds,
          device: z.string(),
          size: bytes,
          total: count.nullable(),
          used: count.nullable(),
          words: z.string(),
        }),
      ),
      log: z.looseObject({ matched: count, unmatched: count, suppressed: count }),
    })
    .nullable()
    .optional()
    .describe("requests to bounce of a recording that does not show what became of them"),
  pool: pool.nullable(),
  exact: z.looseObject({
    compared: count.describe("bounced mappings whose address the recording shows"),
    equal: count.describe("how many of them the model chose at the same address"),
    note: z.string().nullable(),
    corrections: count.describe("times the model was set to the kernel's state"),
    reordered: count.describe("allocations moved within their recorded interval"),
    decisions: z.looseObject({ compared: count, equal: count }).describe("whether a mapping bounces, as predicted"),
    refusals: z.looseObject({ compared: count, equal: count }).describe("refusals that the model made too"),
    mismatches: z.array(
      z.looseObject({ time: seconds, device: z.string(), size: bytes, kernel: address, model: address }),
    ),
  }),
  iova: z
    .looseObject({
      compared: count.describe("addresses that the recording shows, of domains that began in it"),
      equal: count.describe("how many of them the kernel's allocator gives beside it"),
      of: z
        .looseObject({ single: compared, list: compared, coherent: compared })
        .optional()
        .describe("the same by what was given them: single buffers, lists joined into one range, coherent memory"),
      older: count.describe("addresses of domains older than the recording: not compared"),
      unnamed: z
        .looseObject({ count, found: count })
        .describe("mappings that iommu:map alone shows, and those of them whose domain was found"),
      note: z.string().nullable().describe("why none is compared"),
      mismatches: z.array(
        z.looseObject({
          time: seconds,
          device: z.string(),
          of: z.enum(["single", "list", "coherent"]).nullable().optional(),
          size: bytes,
          kernel: address,
          model: address,
          why: z.string().nullable().optional().describe("what is not recorded and may be otherwise"),
        }),
      ),
    })
    .optional()
    .describe("addresses of IOMMU domains against the kernel's own allocator"),
  invalidations: invalidations.optional(),
  domainChanges: domainChanges.optional(),
  xen: xenSchema.optional().describe("of a paravirtualised Xen domain, whose bus addresses are the machine's"),
  scenario: scenarioSchema.optional().describe("of a scenario or a demonstrated bug: its story"),
  leaks: z.array(group).describe("groups of mappings that kept growing"),
  violations: z.array(
    z.looseObject({
      rule: z.string(),
      device: z.string(),
      time: seconds,
      detail: z.string(),
      relies: z.enum(["maps"]).nullable().optional().describe("events whose absence it relies on; null = none"),
    }),
  ),
  violationTotals: z.array(z.looseObject({ rule: z.string(), count })),
  faults: z
    .array(
      z.looseObject({
        device: z.string(),
        count,
        writes: count,
        first: seconds.nullable(),
        last: seconds.nullable(),
        pages: count,
        afterUnmap: count.describe("of addresses that had been unmapped a moment before"),
        whileMapped: count,
        fromLog: z.boolean().optional().describe("only the log tells of them; first and last are of its clock"),
        examples: z.array(z.string()),
      }),
    )
    .describe("accesses of devices that an IOMMU refused"),
  unjudged: z
    .array(z.looseObject({ devices: z.array(z.string()), what: z.string(), why: z.string() }))
    .describe("what cannot be judged of which devices, because events are missing"),
  alive: z.array(group).describe("the other groups of mappings alive at the end"),
  exposure: z.array(
    z.looseObject({
      device: z.string(),
      reach: z.enum(["pages", "everything", "pool", "unknown"]),
      mappings: count,
      partial: count.optional().describe("mappings that do not begin or do not end at a page's edge"),
      bytes: bytes.describe("bytes outside mappings, inside their first and last pages"),
      bytesPeak: bytes.optional().describe("the most of them at any one time"),
      foreign: count.optional().describe("times that a page held another live mapping: of another device or direction"),
      examples: z.array(z.string()).optional(),
      words: z.string().optional(),
    }),
  ),
  audit: z.looseObject({ counts: z.record(z.string(), count), notes: z.array(z.string()) }),
  unknowable: z.array(z.looseObject({ rule: z.string(), why: z.string() })).describe("what no recording shows"),
  devices: z.array(device),
  whatIf: z.array(
    z.looseObject({
      slots: count,
      areas: count,
      forced: z.boolean(),
      bounced: count,
      failed: count,
      hiwater: count,
    }),
  ),
  run: machineRunSchema.optional().describe("of a described machine: its programs, its first mappings"),
  advice: z.looseObject({
    what: z.string().optional().describe("in a few words; the setting itself when there is one"),
    swiotlb: z.string().nullable(),
    because: z.string(),
    confidence: z.enum(["measured", "bounded", "unknown"]),
  }),
});
