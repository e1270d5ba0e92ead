/** The `xen` part of a `dmalab.run/1` document: a Xen domain's addresses against its page map. */
import { z } from "zod";

const count = z.number().int().nonnegative();
const seconds = z.number().describe("seconds of the recording's clock");
const hex = z
  .string()
  .regex(/^0x[0-9a-f]+$/)
  .nullable();
const address = hex.describe("address, hexadecimal");
const frame = hex.describe("frame number of 4 KiB, hexadecimal; null where it is not known");
const compared = z.looseObject({ compared: count, equal: count });
const both = z.looseObject({ kernel: count.nullable().describe("by the dump"), model: count.nullable() });

const cacheSchema = z
  .looseObject({
    before: z
      .looseObject({
        own: count.describe("by the CPU, of the domain's own pages"),
        slots: count.describe("by the CPU, of slots of the pool"),
        foreignByCpu: count.describe("by the CPU, of foreign pages, at their address in this domain"),
        foreignByXen: count.describe("of foreign pages, by the hypervisor"),
      })
      .describe("calls before a device's access"),
    after: z
      .looseObject({
        own: count,
        slots: count,
        foreignByXen: count,
        idle: count.describe("the device has only read: nothing to do"),
      })
      .describe("calls after it"),
    calls: z
      .looseObject({ clean: count, invalidate: count, other: count, failed: count })
      .describe("calls to the hypervisor, one for each frame of 4 KiB"),
    wrong: z
      .looseObject({
        unmaps: count,
        syncs: count,
        invalidated: count.describe(
          "of which lines were dropped, so that what the device wrote may be read old (inferred)",
        ),
        inUse: count.describe("of which the wrong page was itself a foreign one in use"),
        frames: count.describe("different bus frames whose number was taken for an own page's"),
        examples: z.array(
          z.looseObject({
            time: seconds,
            device: z.string(),
            size: count,
            wrong: frame.describe("page that was maintained: it has the number of the bus frame"),
            right: frame.describe("page that stands for the bus frame"),
            invalidates: z.boolean(),
            inUse: z.boolean().nullable(),
          }),
        ),
      })
      .describe("another page was maintained than the one that the device used, as recorded"),
  })
  .nullable()
  .describe("cache maintenance for devices that are not coherent; null where the recording shows none");

export const xenSchema = z
  .looseObject({
    memory: z
      .enum(["paravirtualised", "direct"])
      .describe("direct: own pages have the machine's numbers, as on Arm; only foreign ones are translated"),
    files: z
      .array(z.looseObject({ name: z.string(), used: z.string().describe("what the file was taken for, and why") }))
      .describe("every dump that was read or passed over"),
    probes: z.looseObject({ frames: z.boolean(), grants: z.boolean(), searches: z.boolean() }),
    frames: z
      .looseObject({
        known: count,
        unknown: count,
        unknownBecause: z
          .record(z.string(), count)
          .describe(
            "no-p2m, outside-p2m, grants-not-recorded, grant-not-seen, batch-cut, changed-unseen, events-lost, translated: mappings " +
              "that did not bounce",
          ),
      })
      .describe("mappings whose buffer's machine frame the page map gives"),
    addresses: z
      .looseObject({
        compared: count,
        equal: count,
        unknown: count,
        mismatches: z.array(
          z.looseObject({
            time: seconds,
            device: z.string(),
            phys: address,
            size: count,
            kernel: address,
            predicted: address,
          }),
        ),
      })
      .describe("bus addresses of mappings that did not bounce, against the page map"),
    originals: z
      .looseObject({ compared: count, equal: count, unknown: count })
      .describe("addresses of buffers that bounced, as swiotlb_bounced prints them, against the page map"),
    own: z
      .looseObject({ maps: count, direct: count, bounced: count, refused: count })
      .describe("mappings of the domain's own pages; `maps` are those that were granted"),
    foreign: z.looseObject({
      maps: count,
      direct: count,
      bounced: count,
      refused: count,
      undecided: count.describe("of which nothing tells whose page it is"),
      domains: z.array(z.looseObject({ domain: count.nullable(), maps: count })),
    }),
    grants: z.looseObject({
      mapped: count,
      failed: count,
      unmapped: count,
      notShown: count.describe("entries of batches larger than the probe shows"),
      unmappedUnseen: count.describe("unmapped, and never seen mapped"),
      aliveBefore: count,
      aliveAtEnd: count,
      alive: z.array(z.looseObject({ pfn: frame, mfn: frame, domain: count.nullable(), reference: count.nullable() })),
    }),
    regions: z
      .looseObject({ made: count, failed: count, ended: count })
      .describe("regions made machine-contiguous for coherent memory"),
    causes: z
      .looseObject({ forced: count, mask: count, straddle: count, small: count, unknown: count })
      .describe("why buffers bounced, refused ones included; small: of a device that is not coherent"),
    cache: cacheSchema,
    straddles: z.looseObject({
      bounced: count,
      notBounced: count,
      list: z.array(
        z.looseObject({
          time: seconds,
          device: z.string(),
          phys: address,
          size: count,
          frames: z.array(z.looseObject({ pfn: frame, mfn: frame })).describe("each page of the buffer"),
        }),
      ),
    }),
    overlap: z
      .looseObject({
        maps: count
          .nullable()
          .describe("mappings of foreign frames whose owner's number is one of this pool; null = unknown"),
        frames: count,
        sameNumber: count.describe("of which only the foreign mark tells the two apart"),
        examples: z.array(
          z.looseObject({
            time: seconds,
            device: z.string(),
            dma: address,
            pfn: frame,
            mfn: frame,
            ownerPfn: frame,
            slot: z.number().int().describe("slot that a test without the P2M would take it for"),
          }),
        ),
      })
      .describe("mappings that a test by the machine-to-physical table alone would take for bounces"),
    slotSets: z
      .looseObject({
        total: count,
        contiguous: count,
        broken: count,
        unknown: count,
        brokenAt: z.array(count).describe("first slots of broken sets"),
        inSequence: count.describe("sets that the next one of the pool follows on the machine too"),
        lowest: frame,
        highest: frame,
      })
      .nullable()
      .describe("sets of 128 slots, and whether their pages follow each other on the machine"),
    poolFrames: z.looseObject({ p2m: compared, m2p: compared }).nullable(),
    searches: z
      .looseObject({ kernel: count, kernelRefused: count })
      .nullable()
      .describe("searches of the pool by the kernel's own probe"),
    refusals: z.looseObject({ recorded: count, lists: count.describe("lists that left no event") }),
    end: z
      .looseObject({
        pool: z
          .looseObject({
            used: both,
            hiwater: both.describe("since boot"),
            index: z.array(both),
            slots: z.looseObject({ kernel: count, equal: count }).describe("used slots with their buffers"),
          })
          .nullable(),
        p2m: compared.nullable().describe("pages that changed, or are foreign, after the recording"),
      })
      .describe("dumps from after the recording against the model at its end"),
    notes: z.array(z.string()),
  })
  .meta({ id: "RunXen", description: "a Xen domain's addresses against its page map" });
