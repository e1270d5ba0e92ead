/** What `run` of a `dmalab.run/1` document is: a described machine's own part. */
import { z } from "zod";
import { iommuKinds } from "../../spec/linux/iommu_drivers.js";
import { type ReleasePolicyName, releasePolicies } from "../../sw/iommu/lifetime/policies.js";

const count = z.number().int().nonnegative();
const address = z
  .string()
  .regex(/^0x[0-9a-f]+$/)
  .nullable();

const program = z
  .looseObject({
    program: z.string(),
    from: count.nullable().describe("domain whose requests these are; null for the driver domain's own"),
    device: z.string().nullable().describe("null for a program that works on none"),
    requests: count.describe("requests, packets or hostile writes that were asked for"),
    ended: count,
    failed: count,
    bytesWritten: count,
    bytesRead: count,
    wrong: z.array(z.string()).describe("places whose bytes are not what was sent"),
    refused: count.describe("requests that a back end answered with an error"),
    refusals: z.array(z.string()).describe("why: each kind once, with how many there were and the first of them"),
    notes: z.array(z.string()),
  })
  .meta({ id: "MachineProgram", description: "what one program of the workload did" });

const mapping = z
  .looseObject({
    device: z.string(),
    phys: address,
    size: count,
    direction: z.string(),
    bus: address,
    cause: z.string().describe("why the engine did what it did"),
    bounced: z.boolean(),
    foreign: z.boolean().describe("another domain's page"),
    refused: z.string().nullable(),
  })
  .meta({ id: "MachineMapping", description: "one mapping, and why it came to lie where it does" });

const refusal = z
  .looseObject({
    device: z.string(),
    reason: z.string(),
    title: z.string().describe("the reason in a few words"),
    list: z.boolean().describe("each stands for a list of buffers that was refused as a whole"),
    count,
    sizeLeast: count.describe("bytes"),
    sizeMost: count.describe("bytes"),
    examples: z
      .array(
        z.looseObject({
          map: count.describe("which mapping of its device"),
          phys: address,
          size: count,
          words: z.string(),
        }),
      )
      .describe("the first of them"),
  })
  .meta({ id: "MachineRefusal", description: "refused mappings of one device and one reason" });

const iommu = z
  .looseObject({
    kind: z.enum(iommuKinds),
    policy: z.enum(["strict", "lazy", "pass-through"]),
    untranslated: count.describe("pages that devices asked for by bus address"),
    translationRequests: count.describe("translations that devices with a TLB of their own asked for"),
    translated: count.describe("pages that they reached by those"),
    fromCache: count.describe("of untranslated, how many the IOTLB answered"),
    refused: z
      .array(
        z.looseObject({
          device: z.string(),
          asked: z.enum(["read", "write", "translation"]).describe("translation: one for a device's own TLB"),
          isFault: z.boolean().describe("false: the answer of a translation request, which the unit records nowhere"),
          code: count.describe("the unit's number of the reason; 0 where it is no fault"),
          words: z.string(),
          count,
          isTranslated: z.boolean().describe("the device named machine addresses, by translations that it keeps"),
          first: z.array(address),
        }),
      )
      .describe("accesses that it refused"),
    recorded: count.describe("refusals that the unit recorded and the kernel took off the record"),
    descriptors: z.array(z.looseObject({ what: z.string(), count })).describe("what the kernel posted in the queue"),
    takenAway: z
      .array(z.looseObject({ device: z.string(), step: count.describe("step of the run"), refused: count }))
      .describe("devices that were taken from their driver, and how many accesses were refused them after that"),
    wrongAnswers: z
      .array(z.looseObject({ device: z.string(), count }))
      .describe("answers of devices to invalidations that had forgotten nothing, and were believed"),
    domainFlushes: count.describe("lazy: flushes of a whole domain"),
    waitingMost: count.describe("lazy: the most unmapped addresses that waited for one"),
    nesting: z
      .looseObject({
        nested: count.describe("how often a device was led through tables of the guest"),
        pieces: count.describe("runs of frames that the guest's memory lies in, each mapped by one call"),
        told: count.describe("commands that the guest's unit carried out, waits excepted"),
        carriedOver: count.describe("commands that the host gave its own unit for them"),
        lost: count.describe("hostBug: those that it did not"),
        recycled: count.describe("tags that were given while the unit kept translations under them (I6)"),
        stale: count.describe("pages that devices reached by what was to be forgotten (I1)"),
      })
      .nullable()
      .describe("the kernel is a guest's, and its unit one that the host gives it; null: it is not"),
    switching: z
      .looseObject({
        way: z.enum(["replace", "remap"]).describe("the device's entry, or all mappings of its domain"),
        switches: count.describe(
          "switches of devices between identity and a domain of their own; that a driver's device is attached for the first time is none",
        ),
        calls: count.describe("calls that mapped or unmapped a run of pages in their course"),
        callsOtherWay: count.describe("calls that the other way would have taken for the same switches"),
        deviceSteps: count.describe("steps that devices took meanwhile"),
        refusedAlike: count.describe("pages refused to devices although both domains lead there alike (I5)"),
        met: z
          .looseObject({ alike: count, old: count, new: count, blocked: count, wrong: count })
          .describe("pages that devices asked for meanwhile, by what became of them"),
      })
      .nullable()
      .describe("the host's tables are the shadow of a guest's; null: they are not"),
  })
  .meta({ id: "MachineIommu", description: "what the IOMMU of a described machine was asked, told and refused" });

const step = count.nullable().describe("step of the run; null: it had not come to that");

const pageLifetime = z
  .looseObject({
    policy: z.enum(Object.keys(releasePolicies) as [ReleasePolicyName, ...ReleasePolicyName[]]),
    words: z.string().describe("what is done"),
    givenBack: count.describe("pages that the domain gave back which drives the devices"),
    mostSteps: count.describe("the most steps from an entry's going until its flush counted as done"),
    giveUps: count.describe("how often the unit gave a device up that did not answer"),
    freeWhileOwed: count.describe("I3: pages that were free while a flush of theirs was owed"),
    freeUnfenced: count.describe("I8: pages that were free although a device had not answered and was not blocked"),
    strayed: count.describe("accesses of devices to pages of somebody else, or of nobody"),
    parked: count.describe("accesses to pages that were given back and waited for their flush"),
    first: z
      .array(
        z.looseObject({
          device: z.string(),
          write: z.boolean(),
          machine: address.describe("the page's machine address"),
          guest: address.describe("where it had been in the domain"),
          owner: z.number().int().describe("whose it was by then; -1: nobody's, -2: the hypervisor's"),
          by: z.enum(["device TLB", "IOTLB", "tables"]).describe("what led there"),
          step: count.describe("step of the run"),
          unmapped: count.describe("step in which its entry went"),
          freed: step,
          flushed: step,
          gaveUp: z.boolean().describe("its flush counted as done although a device had not answered"),
        }),
      )
      .describe("the first that strayed"),
  })
  .meta({ id: "MachinePageLifetime", description: "pages that a domain gave back while its devices worked" });

export const machineRunSchema = z
  .looseObject({
    steps: count.describe("atomic steps of all actors"),
    complete: z.boolean().describe("false: the run was cut before its end"),
    programs: z.array(program),
    dma: z.array(mapping).describe("the first mappings of each device"),
    iommu: iommu.nullable(),
    hypervisor: z
      .looseObject({
        accessesChecked: count.describe("accesses held against the owners of frames"),
        hypercalls: z
          .record(z.string(), count)
          .describe("by name; of grants the operations, of which a call may take several"),
        pageLifetime: pageLifetime.nullable().describe("null: no device is kept by an IOMMU of the hypervisor"),
      })
      .nullable(),
    left: z
      .array(z.looseObject({ domain: z.number().int(), what: z.string(), count: z.number().int() }))
      .describe("grants, maps, references, pages and slots that outlived the run"),
    watched: z.boolean().describe("the rules of the DMA API were watched"),
    refusals: z.array(refusal).describe("refused mappings by device, reason and class of sizes"),
  })
  .meta({ id: "MachineRun", description: "the run of a described machine" });
