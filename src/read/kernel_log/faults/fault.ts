/** What the fault lines of an IOMMU say, as data: no meaning, no advice. */

/** The unit that speaks; "other" are the units of single systems on a chip. */
export type FaultUnit = "vtd" | "amdvi" | "smmuv3" | "smmuv2" | "virtio-iommu" | "apple-dart" | "other";

/** What a message is about. Only `access` is about one request of a device. */
export type FaultTopic =
  /** A request of a device was refused. */
  | "access"
  /** A command of the kernel to the unit failed or was not answered. */
  | "command"
  /** The unit's status, which announces other lines. */
  | "status"
  /** Events were lost. */
  | "lost"
  /** The kernel's own bookkeeping of mappings is wrong. */
  | "mapping"
  /** The unit's registers do not answer. */
  | "silent"
  /** What firmware says of the unit is wrong or missing. */
  | "firmware"
  /** Interrupt remapping stays off. */
  | "intremap-off";

/** A fault, from one line of a log or from several that belong together. Null where the lines do not tell. */
export interface LogFault {
  readonly unit: FaultUnit;
  readonly topic: FaultTopic;
  /** The event's name, or the words that stand for it. */
  readonly says: string;
  /** Xen wrote it, not a kernel. */
  readonly xen: boolean;
  /** Microseconds since boot. */
  readonly time: number | null;
  readonly driver: string | null;
  /** The device that made the request, as the log names it. */
  readonly device: string | null;
  /** The unit's own name. */
  readonly by: string | null;
  /** Stream of an SMMU or a DART, endpoint of a virtio-iommu. */
  readonly stream: number | null;
  readonly pasid: number | null;
  readonly write: boolean | null;
  /** An interrupt, not an access to memory; `address` is then its index where the unit has such. */
  readonly interrupt: boolean;
  /** Where the device wanted to go; for a command, where the command lies. */
  readonly address: bigint | null;
  /** Number of reason, event or type. */
  readonly code: number | null;
  readonly flags: number | null;
  /** Every other value by its name, in the order of the lines: words of a record, dumped entries, registers. */
  readonly values: readonly (readonly [string, bigint])[];
}

/** A fault whose lines are still being read. */
export type FaultDraft = { -readonly [K in keyof Omit<LogFault, "values">]: LogFault[K] } & {
  values: (readonly [string, bigint])[];
};

/** What the first line of a fault says. */
export type Said = Partial<Omit<FaultDraft, "unit" | "topic" | "says">> & Pick<FaultDraft, "topic" | "says">;

/** All messages of one kind of unit: a fault begins with one of the first, and goes on with the second. */
export interface FaultFamily {
  readonly unit: FaultUnit;
  /** What each line that begins a fault contains: cheap, and a little too much. */
  readonly mark: RegExp;
  readonly begins: readonly (readonly [RegExp, (m: RegExpExecArray) => Said | null])[];
  /** @returns false when the line is not part of this fault after all. */
  readonly goesOn: readonly (readonly [RegExp, (m: RegExpExecArray, draft: FaultDraft) => boolean])[];
  /** A line that cannot go on with this fault, told cheaply: in a storm each line begins the next one. */
  readonly isNext?: (message: string, draft: FaultDraft) => boolean;
  /** Called once when all lines are there. */
  readonly finish?: (draft: FaultDraft) => void;
}

/** The value of that name, the last one when there are several. */
export function valueNamed(fault: Pick<LogFault, "values">, name: string): bigint | null {
  return fault.values.findLast(([key]) => key === name)?.[1] ?? null;
}

/** Hexadecimal digits with or without 0x. */
export const wide = (digits: string): bigint => BigInt(digits.startsWith("0x") ? digits : `0x${digits}`);
