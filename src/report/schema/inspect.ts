/** What a `dmalab.inspect/1` document looks like. Objects are open: unknown keys are never needed to read one. */
import { z } from "zod";

const count = z.number().int().nonnegative();
const bytes = z.number().nonnegative().describe("bytes");
const address = z
  .string()
  .regex(/^0x[0-9a-f]+$/)
  .describe("address, hexadecimal");
const bdf = z
  .string()
  .describe("segment:bus:device.function; sid:0x… for a stream id that is none; a path of ACPI with its stream");
const pasid = count.nullable().describe("null: requests without PASID, in tables that know none");
const perm = z.enum(["rw", "r-", "-w", "--"]);
const state = z
  .enum(["translated", "identity", "blocked", "bypass"])
  .describe("identity: an entry says pass through. bypass: the unit does not look at the device");

const mapping = z
  .looseObject({ bdf, pasid, iova: address, paddr: address, bytes, perm })
  .meta({ id: "InspectMapping", description: "addresses of a device that lead to memory in one piece" });

const device = z
  .looseObject({
    bdf,
    pasid,
    stream: address.optional().describe("what its SMMU sees, where firmware says which device sends it"),
    state,
    domain: count.nullable().describe("VT-d DID, AMD-Vi DomainID, SMMUv3 ASID or VMID"),
    stage: z.enum(["first", "second", "nested"]).nullable(),
    leaves: count.describe("entries of page tables that map memory; 0 for a device that is not translated"),
    bytes: bytes.describe("addresses that they map; a page that is mapped twice counts twice"),
    ats: z.boolean().describe("the device may send addresses as already translated"),
    unit: count.describe("index into units"),
    ranges: count.describe("mappings of this device in this document's form"),
    perm: perm.describe("what passes, for a device that is not translated"),
    why: z.string(),
    memory: bytes.describe("memory that its mappings lead to; each page counts once"),
  })
  .meta({ id: "InspectDevice", description: "a device, or one PASID of it, and what it reaches" });

const trouble = z
  .looseObject({
    bdf: bdf.nullable().describe("null: an entry of a unit's device tables"),
    pasid,
    kind: z.enum(["cycle", "outside", "reserved", "address-size", "limit"]),
    entryAt: address,
    value: address,
    iova: address.nullable(),
    level: count.nullable().describe("0 = the table that holds only leaves"),
    what: z.string(),
  })
  .meta({ id: "InspectTrouble", description: "an entry of a table that could not be believed" });

const step = z.looseObject({
  at: address.describe("where the entry lies; under nesting, in the memory that the first stage sees"),
  value: z.string().describe("the entry, its highest word first, hexadecimal"),
  title: z.string(),
  name: z.string().optional().describe("what the vendor calls it there: context entry, second-stage PDE"),
  stage: z.enum(["device", "first", "second"]).optional(),
  meaning: z.string(),
  fields: z.array(z.looseObject({ name: z.string(), bits: z.string(), value: address, doc: z.string() })),
});

const walk = z
  .looseObject({
    bdf,
    sentBy: bdf.optional().describe("who was asked for, where it sends under the id of the other"),
    pasid,
    iova: address,
    state: state.nullable().describe("null: the device has no entry"),
    steps: z.array(step),
    paddr: address.nullable().describe("null: a fault"),
    bytes: bytes.describe("size of the page; 0 for a fault, or where nothing translates"),
    perm,
    fault: z
      .looseObject({
        code: count.nullable().describe("the unit's own number for it; null: the unit is silent"),
        name: z.string(),
        words: z.string(),
        why: z.string(),
      })
      .nullable(),
    refusals: z
      .array(z.looseObject({ access: z.enum(["read", "write"]), code: count.nullable(), words: z.string() }))
      .describe("accesses that a page without the permission refuses"),
  })
  .meta({ id: "InspectWalk", description: "where one address of a device leads, entry by entry" });

const change = z
  .looseObject({
    bdf,
    pasid,
    before: state.nullable().describe("null: no entry"),
    after: state.nullable(),
    words: z.array(z.string()),
    lost: z.array(mapping),
    gained: z.array(mapping),
  })
  .meta({ id: "InspectChange", description: "what one device gained and lost" });

const finding = z
  .looseObject({
    what: z.string(),
    where: z.string(),
    why: z.string(),
    rule: z.string(),
    level: z
      .enum(["trouble", "unproven", "note"])
      .describe("unproven: nothing wrong was found, and what was given does not show that devices are confined"),
    weight: z.enum(["trouble", "note"]).describe("level, in two values"),
  })
  .meta({ id: "InspectFinding", description: "what was judged" });

const verdict = z
  .looseObject({
    level: z
      .enum(["trouble", "unproven", "shown"])
      .describe("✗, ⚠ or ✓: the weightiest level of the findings; shown where all are notes"),
    words: z.string(),
    reached: z
      .looseObject({
        addresses: bytes.describe("bytes of addresses that the devices' tables map"),
        distinct: bytes.describe("bytes of memory behind them, each page once"),
        ram: bytes.nullable().describe("RAM among it; null where the image does not show what is RAM"),
      })
      .describe("what the tables of the devices of this document lead to"),
    ramTotal: bytes.nullable().describe("RAM of the machine; null where the image does not show it"),
  })
  .meta({ id: "InspectVerdict", description: "what all findings come to" });

const scope = z.looseObject({
  what: z.enum(["device", "bridge", "io-apic", "hpet", "named", "range", "all", "stream"]),
  name: z.string().describe("as the table writes it: 00:1c.0 → 00.0, a path of ACPI"),
  segment: count.optional(),
  first: z.string().optional().describe("a device, or of streams the first; absent: nobody says the buses on the way"),
  last: z.string().optional(),
  stream: address.optional().describe("the stream that the first comes to"),
  addressBits: count.optional().describe("bits of the addresses that a device of ACPI can send"),
  unit: count.optional().describe("of streams: index into firmware.units"),
});

const firmware = z
  .looseObject({
    tables: z.array(
      z.looseObject({
        signature: z.string(),
        address,
        bytes,
        says: z.array(z.string()),
        wrongChecksum: z.boolean(),
      }),
    ),
    addressBits: count.nullable(),
    interruptRemapping: z.boolean().nullable().describe("DMAR: INTR_REMAP"),
    x2apicOptOut: z.boolean().nullable().describe("DMAR: X2APIC_OPT_OUT"),
    dmaOptIn: z.boolean().nullable().describe("DMAR: DMA_CTRL_PLATFORM_OPT_IN; IVRS: DMA remap support"),
    units: z
      .array(
        z.looseObject({
          name: z.string().nullable().describe("what Linux calls it: dmar0, ivhd1, arm-smmu-v3.2.auto"),
          kind: z.enum(["vtd", "amdvi", "smmuv3", "smmu", "virtio-iommu"]),
          unit: count.nullable().describe("index into units; null: it is not read"),
          registersAt: address.nullable(),
          bdf: bdf.nullable().describe("the unit itself, where it is a PCI function"),
          segment: count,
          includeAll: z.boolean().describe("every device of the segment that no other unit names"),
          says: z.array(z.string()),
          scopes: z.array(scope),
        }),
      )
      .describe("in the order of the kernel"),
    regions: z.array(
      z.looseObject({
        kind: z.enum(["RMRR", "IVMD", "RMR"]),
        first: address,
        last: address,
        segment: count,
        perm,
        scopes: z.array(scope),
      }),
    ),
    ats: z
      .looseObject({ all: z.boolean(), scopes: z.array(scope) })
      .nullable()
      .describe("who may use ATS"),
    aliases: z.array(z.looseObject({ first: bdf, last: bdf, source: bdf })),
    configuration: z.array(z.looseObject({ segment: count, base: address, firstBus: count, lastBus: count })),
  })
  .meta({ id: "InspectFirmware", description: "what the firmware's tables say" });

const levels = count.optional().describe("bit n is set when tables may have n levels");
const flag = z.boolean().optional();
const number = count.optional();

const abilities = z
  .looseObject({
    secondLevels: levels,
    firstLevels: levels,
    inputBits: number,
    pasidBits: number,
    first: flag,
    second: flag,
    nested: flag,
    passThrough: flag,
    ats: flag,
    ridPasid: flag,
    abortsWhenOff: flag,
    secondLacks: z.array(z.string()).optional(),
    firstLacks: z.array(z.string()).optional(),
    smmu: z
      .looseObject({
        ...{ tableFormats: number, wideDescriptors: flag, hardwareUpdates: number, stallModel: number },
        ...{ alwaysAborts: flag, wideAsids: flag, wideVmids: flag, endianness: number, twoLevelContexts: flag },
        ...{ noSplitAts: flag, hierarchyOff: flag, smallTables: flag, granules: number, wideInputs: flag },
      })
      .optional()
      .describe("of an SMMUv3, as its identification registers say"),
  })
  .meta({ id: "UnitAbilities", description: "what a unit is able to do; what is absent is unknown" });

export const inspectSchema = z.looseObject({
  schema: z.literal("dmalab.inspect/1"),
  source: z.looseObject({
    format: z.string(),
    machine: z.string().nullable(),
    bytes: bytes.describe("memory that the image holds"),
    notes: z.array(z.string()).describe("how the tables were found, what was left out, what cannot be told"),
  }),
  verdict,
  units: z.array(
    z.looseObject({
      kind: z.enum(["vtd", "amdvi", "smmuv3"]),
      mode: z.string(),
      root: address.describe("the root, device or stream table"),
      found: z.enum(["registers", "scan", "acpi", "given"]),
      segment: count,
      name: z.string().nullable().optional().describe("what Linux calls it, where firmware lists it"),
      translating: z.boolean().nullable().describe("null: unknown"),
      interruptRemapping: z.boolean().nullable().describe("null: unknown"),
      registersAt: address.nullable(),
      size: count.optional().describe("device table: bytes. Stream table: log2 of its entries"),
      split: count.optional().describe("two-level stream table: bits of the stream id that the second level resolves"),
      interruptTable: address.nullable().optional(),
      outputBits: count.optional().describe("bits of physical addresses"),
      abilities: abilities.optional().describe("what its registers say that it can do; absent: nothing is known"),
    }),
  ),
  firmware: firmware.nullable().optional().describe("what the firmware's tables say; null: the image holds none"),
  devices: z.array(device),
  mappings: z.array(mapping).describe("neighbouring leaves merged"),
  findings: z.array(finding),
  troubles: z.array(trouble).describe("entries of tables that could not be believed"),
  who: z
    .looseObject({
      paddr: address,
      held: z.boolean().describe("the image holds this page"),
      place: z.string().nullable().describe("what is there, where it is known to be no memory"),
      isInterrupt: z.boolean().describe("on x86: writes of devices there raise interrupts and reach no memory"),
      reached: z.array(
        z.looseObject({ bdf, pasid, iova: address, perm, through: z.enum(["translated", "untranslated"]) }),
      ),
      open: z
        .array(z.string())
        .optional()
        .describe(
          "rules of findings by which it is reached without an entry: a unit that is off, a device behind none",
        ),
      unknown: z.array(z.string()).optional().describe("rules of findings that leave unknown who else reaches it"),
    })
    .optional()
    .describe("the answer to --who"),
  walk: walk.optional().describe("the answer to --at"),
  diff: z
    .looseObject({
      same: count,
      changes: z.array(change),
      verdict: verdict.describe("of the other image"),
      findings: z.array(finding).describe("what was found in the other image"),
      notes: z.array(z.string()).describe("how the other image was read"),
    })
    .optional()
    .describe("what the image of --diff has that this one has not, and the other way round"),
});
