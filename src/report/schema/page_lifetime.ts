/** What the comparison of policies for pages looks like in JSON. */
import { z } from "zod";

const count = z.number().int().nonnegative();

const cell = z.looseObject({
  device: z.string().describe("how the device answers"),
  broken: z.array(
    z.looseObject({
      rule: z.string(),
      says: z.string(),
      steps: z
        .array(z.looseObject({ actor: z.string(), does: z.string() }))
        .describe("the shortest run that breaks it"),
    }),
  ),
  states: count.describe("different states that were reached"),
  complete: z.boolean().describe("every state was reached; false: the search was cut"),
});

const call = z.looseObject({
  call: z.string(),
  hasTlb: z.boolean().describe("the device keeps translations of its own"),
  cells: z.array(
    z.looseObject({
      held: z.string().describe("what holds the page until its flush is done"),
      broken: z.array(z.looseObject({ rule: z.string(), steps: count.describe("of the shortest run to it") })),
      states: count,
      complete: z.boolean(),
    }),
  ),
});

const ownUnit = z.looseObject({
  policy: z.string(),
  hurries: z.boolean().describe("the driver's own time may run out; false: it waits until its queue is done"),
  cells: z.array(
    z.looseObject({
      device: z.string(),
      broken: z.array(z.looseObject({ rule: z.string(), steps: count.describe("of the shortest run to it") })),
      states: count,
      complete: z.boolean(),
    }),
  ),
});

export const pageLifetimeSchema = z.looseObject({
  schema: z.literal("dmalab.page-lifetime/1"),
  rules: z.array(z.looseObject({ rule: z.string(), says: z.string() })),
  devices: z.array(z.looseObject({ device: z.string(), does: z.string() })),
  policies: z.array(
    z.looseObject({
      policy: z.string(),
      title: z.string(),
      source: z.string(),
      cells: z.array(cell),
      cost: z
        .looseObject({
          guestWaits: count,
          guestIsPaused: count,
          pageIsKept: count,
          hypervisorStands: count,
          descriptors: count,
          interrupts: count,
        })
        .describe("steps of anybody, where every device answers in time"),
    }),
  ),
  ownUnits: z.array(ownUnit).describe("Linux's drivers of AMD-Vi and SMMUv3, each on its own unit"),
  calls: z.array(call).describe("every way out of a domain of Xen"),
});
