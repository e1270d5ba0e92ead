/**
 * The JSON documents as types. Written from the schemas by `npm run types`, not by hand.
 *
 * Times are seconds, sizes bytes, addresses hexadecimal strings.
 */

/** A `dmalab.run/1` document. */
export interface RunDocument {
  readonly schema: "dmalab.run/1";
  readonly source: {
    readonly format: "trace.dat" | "ftrace" | "perf-script" | "machine" | "scenario";
    readonly kernel: string | null;
    readonly events: number;
    readonly lost: number;
    readonly cpus: number;
    /** Neither the number of CPUs nor losses are stated. */
    readonly excerpt?: boolean;
    /** Seconds of the recording's clock. */
    readonly from: number | null;
    /** Seconds of the recording's clock. */
    readonly to: number | null;
    readonly warnings: readonly ({
      readonly where: string;
      readonly what: string;
    })[];
  };
  readonly machine: {
    readonly kernel: string | null;
    readonly cpus: number;
    readonly swiotlb: {
      /** Address, hexadecimal. */
      readonly base: string | null;
      readonly slots: number;
      readonly areas: number;
      readonly forced: boolean;
      readonly profile: string;
      /** The recording begins with a pool that is in use. */
      readonly late?: boolean;
    } | null;
    /** Dotted names of what was inferred, not read. */
    readonly inferred: readonly string[];
    readonly evidence: readonly string[];
    /** Of a described machine. */
    readonly arch?: string;
    /** Of a described machine: what its kernel knows of its frames. */
    readonly model?: string;
    /** Of a described machine. */
    readonly domains?: readonly ({
      readonly id: number;
      /** Bytes. */
      readonly bytes: number;
    })[];
    /** Of a described machine: it decides the order of the work. */
    readonly seed?: number;
  };
  readonly maps: {
    readonly total: number;
    readonly direct: number;
    readonly bounced: number;
    readonly translated: number;
    readonly foreign: number;
    readonly failed: number;
    /** Asked for, and what became of it is not recorded. */
    readonly unknown?: number;
  };
  /** Why it is not recorded what became of mappings; underWay: where the recording ends or lost events. */
  readonly unknownBecause?: readonly ({
    readonly words: string;
    readonly count: number;
    readonly underWay: boolean;
  })[];
  /** What the recording can show of mappings. */
  readonly shows?: "mappings" | "requests" | "nothing";
  /** Other: of the pool or machine that was asked for. */
  readonly replayedOn?: "recorded" | "other";
  /** Requests to bounce of a recording that does not show what became of them. */
  readonly requests?: {
    readonly devices: readonly ({
      readonly device: string;
      readonly count: number;
      /** Bytes. */
      readonly bytes: number;
      /** Bytes. */
      readonly least: number;
      /** Bytes. */
      readonly most: number;
      readonly refused: number;
    })[];
    readonly refused: readonly ({
      /** Seconds of the recording's clock. */
      readonly time: number;
      readonly device: string;
      /** Bytes. */
      readonly size: number;
      readonly total: number | null;
      readonly used: number | null;
      readonly words: string;
    })[];
    readonly log: {
      readonly matched: number;
      readonly unmatched: number;
      readonly suppressed: number;
    };
  } | null;
  readonly pool: RunPool | null;
  readonly exact: {
    /** Bounced mappings whose address the recording shows. */
    readonly compared: number;
    /** How many of them the model chose at the same address. */
    readonly equal: number;
    readonly note: string | null;
    /** Times the model was set to the kernel's state. */
    readonly corrections: number;
    /** Allocations moved within their recorded interval. */
    readonly reordered: number;
    /** Whether a mapping bounces, as predicted. */
    readonly decisions: {
      readonly compared: number;
      readonly equal: number;
    };
    /** Refusals that the model made too. */
    readonly refusals: {
      readonly compared: number;
      readonly equal: number;
    };
    readonly mismatches: readonly ({
      /** Seconds of the recording's clock. */
      readonly time: number;
      readonly device: string;
      /** Bytes. */
      readonly size: number;
      /** Address, hexadecimal. */
      readonly kernel: string | null;
      /** Address, hexadecimal. */
      readonly model: string | null;
    })[];
  };
  /** Addresses of IOMMU domains against the kernel's own allocator. */
  readonly iova?: {
    /** Addresses that the recording shows, of domains that began in it. */
    readonly compared: number;
    /** How many of them the kernel's allocator gives beside it. */
    readonly equal: number;
    /** The same by what was given them: single buffers, lists joined into one range, coherent memory. */
    readonly of?: {
      readonly single: {
        readonly compared: number;
        readonly equal: number;
      };
      readonly list: {
        readonly compared: number;
        readonly equal: number;
      };
      readonly coherent: {
        readonly compared: number;
        readonly equal: number;
      };
    };
    /** Addresses of domains older than the recording: not compared. */
    readonly older: number;
    /** Mappings that iommu:map alone shows, and those of them whose domain was found. */
    readonly unnamed: {
      readonly count: number;
      readonly found: number;
    };
    /** Why none is compared. */
    readonly note: string | null;
    readonly mismatches: readonly ({
      /** Seconds of the recording's clock. */
      readonly time: number;
      readonly device: string;
      readonly of?: "single" | "list" | "coherent" | null;
      /** Bytes. */
      readonly size: number;
      /** Address, hexadecimal. */
      readonly kernel: string | null;
      /** Address, hexadecimal. */
      readonly model: string | null;
      /** What is not recorded and may be otherwise. */
      readonly why?: string | null;
    })[];
  };
  readonly invalidations?: RunInvalidations;
  readonly domainChanges?: RunDomainChanges;
  /** Of a paravirtualised Xen domain, whose bus addresses are the machine's. */
  readonly xen?: RunXen;
  /** Of a scenario or a demonstrated bug: its story. */
  readonly scenario?: ScenarioStory;
  /** Groups of mappings that kept growing. */
  readonly leaks: readonly RunGroup[];
  readonly violations: readonly ({
    readonly rule: string;
    readonly device: string;
    /** Seconds of the recording's clock. */
    readonly time: number;
    readonly detail: string;
    /** Events whose absence it relies on; null = none. */
    readonly relies?: "maps" | null;
  })[];
  readonly violationTotals: readonly ({
    readonly rule: string;
    readonly count: number;
  })[];
  /** Accesses of devices that an IOMMU refused. */
  readonly faults: readonly ({
    readonly device: string;
    readonly count: number;
    readonly writes: number;
    /** Seconds of the recording's clock. */
    readonly first: number | null;
    /** Seconds of the recording's clock. */
    readonly last: number | null;
    readonly pages: number;
    /** Of addresses that had been unmapped a moment before. */
    readonly afterUnmap: number;
    readonly whileMapped: number;
    /** Only the log tells of them; first and last are of its clock. */
    readonly fromLog?: boolean;
    readonly examples: readonly string[];
  })[];
  /** What cannot be judged of which devices, because events are missing. */
  readonly unjudged: readonly ({
    readonly devices: readonly string[];
    readonly what: string;
    readonly why: string;
  })[];
  /** The other groups of mappings alive at the end. */
  readonly alive: readonly RunGroup[];
  readonly exposure: readonly ({
    readonly device: string;
    readonly reach: "pages" | "everything" | "pool" | "unknown";
    readonly mappings: number;
    /** Mappings that do not begin or do not end at a page's edge. */
    readonly partial?: number;
    /** Bytes outside mappings, inside their first and last pages. */
    readonly bytes: number;
    /** The most of them at any one time. */
    readonly bytesPeak?: number;
    /** Times that a page held another live mapping: of another device or direction. */
    readonly foreign?: number;
    readonly examples?: readonly string[];
    readonly words?: string;
  })[];
  readonly audit: {
    readonly counts: Readonly<Record<string, number>>;
    readonly notes: readonly string[];
  };
  /** What no recording shows. */
  readonly unknowable: readonly ({
    readonly rule: string;
    readonly why: string;
  })[];
  readonly devices: readonly RunDevice[];
  readonly whatIf: readonly ({
    readonly slots: number;
    readonly areas: number;
    readonly forced: boolean;
    readonly bounced: number;
    readonly failed: number;
    readonly hiwater: number;
  })[];
  /** Of a described machine: its programs, its first mappings. */
  readonly run?: MachineRun;
  readonly advice: {
    /** In a few words; the setting itself when there is one. */
    readonly what?: string;
    readonly swiotlb: string | null;
    readonly because: string;
    readonly confidence: "measured" | "bounded" | "unknown";
  };
}

/** A `dmalab.run-list/1` document. */
export interface RunListDocument {
  readonly schema: "dmalab.run-list/1";
  readonly scenarios: readonly ({
    readonly id: string;
    readonly title: string;
    readonly quotation: {
      readonly text: string;
      readonly author: string;
      readonly date: string;
      readonly where: string;
    };
    readonly bugs: readonly string[];
  })[];
  readonly bugs: readonly ({
    readonly id: string;
    readonly title: string;
    readonly year: number;
    /** Commit, advisory or discussion. */
    readonly source: string;
    /** What must hold, and does not with the bug. */
    readonly rule: string;
    readonly layer: string;
    /** Scenarios that can have it on. */
    readonly scenarios: readonly string[];
  })[];
}

/** A `dmalab.page-lifetime/1` document. */
export interface PageLifetimeDocument {
  readonly schema: "dmalab.page-lifetime/1";
  readonly rules: readonly ({
    readonly rule: string;
    readonly says: string;
  })[];
  readonly devices: readonly ({
    readonly device: string;
    readonly does: string;
  })[];
  readonly policies: readonly ({
    readonly policy: string;
    readonly title: string;
    readonly source: string;
    readonly cells: readonly ({
      /** How the device answers. */
      readonly device: string;
      readonly broken: readonly ({
        readonly rule: string;
        readonly says: string;
        /** The shortest run that breaks it. */
        readonly steps: readonly ({
          readonly actor: string;
          readonly does: string;
        })[];
      })[];
      /** Different states that were reached. */
      readonly states: number;
      /** Every state was reached; false: the search was cut. */
      readonly complete: boolean;
    })[];
    /** Steps of anybody, where every device answers in time. */
    readonly cost: {
      readonly guestWaits: number;
      readonly guestIsPaused: number;
      readonly pageIsKept: number;
      readonly hypervisorStands: number;
      readonly descriptors: number;
      readonly interrupts: number;
    };
  })[];
  /** Linux's drivers of AMD-Vi and SMMUv3, each on its own unit. */
  readonly ownUnits: readonly ({
    readonly policy: string;
    /** The driver's own time may run out; false: it waits until its queue is done. */
    readonly hurries: boolean;
    readonly cells: readonly ({
      readonly device: string;
      readonly broken: readonly ({
        readonly rule: string;
        /** Of the shortest run to it. */
        readonly steps: number;
      })[];
      readonly states: number;
      readonly complete: boolean;
    })[];
  })[];
  /** Every way out of a domain of Xen. */
  readonly calls: readonly ({
    readonly call: string;
    /** The device keeps translations of its own. */
    readonly hasTlb: boolean;
    readonly cells: readonly ({
      /** What holds the page until its flush is done. */
      readonly held: string;
      readonly broken: readonly ({
        readonly rule: string;
        /** Of the shortest run to it. */
        readonly steps: number;
      })[];
      readonly states: number;
      readonly complete: boolean;
    })[];
  })[];
}

/** A `dmalab.replace-table/1` document. */
export interface ReplaceTableDocument {
  readonly schema: "dmalab.replace-table/1";
  readonly structures: readonly ({
    readonly structure: string;
    readonly vendor: "vtd" | "amdvi" | "smmuv3";
    readonly title: string;
    /** What the processor stores at once, at most. */
    readonly storeBits: number;
    readonly kinds: readonly ({
      readonly kind: string;
      readonly title: string;
    })[];
    readonly methods: readonly ({
      readonly method: string;
      readonly title: string;
      readonly source: string;
      readonly ships: boolean;
    })[];
  })[];
  readonly rows: readonly ({
    readonly vendor: "vtd" | "amdvi" | "smmuv3";
    /** Whose entries: a name of `structures`. */
    readonly structure: string;
    readonly from: string;
    readonly to: string;
    /** A name of the structure's `methods`. */
    readonly method: string;
    /** A kernel of today does so. */
    readonly ships: boolean;
    /** The best way of this pair: hitless, without a condition if there is such a one. */
    readonly best: boolean;
    /** What the unit reads of an entry at once. */
    readonly fetchBits: number;
    readonly fetchOrder: string;
    /** Waits until the unit has forgotten the entry. */
    readonly syncs: number;
    readonly verdict: "hitless" | "breaking" | "unsafe";
    /** Why hardware's document does not allow it; null: it does. */
    readonly forbidden: string | null;
    /** So only where no other device has the tag that the entry keeps. */
    readonly onlyAlone: boolean;
    /** The old tag must be flushed before it serves again. */
    readonly owesFlush: boolean;
    /** A request may have attributes of one entry and tables of the other. */
    readonly mixesAttributes: boolean;
    /** Different states that were reached. */
    readonly states: number;
    /** Every state was reached; false: the search was cut. */
    readonly complete: boolean;
    /** What the unit took the entry for, in any order. */
    readonly views: readonly string[];
    /** Stores with the fields that they change, waits, flushes. */
    readonly steps: readonly string[];
    readonly broken: readonly ({
      readonly rule: string;
      readonly says: string;
      /** The shortest run that breaks it. */
      readonly steps: readonly ({
        readonly actor: string;
        readonly does: string;
      })[];
    })[];
  })[];
}

/** A `dmalab.check/1` document. */
export interface CheckDocument {
  readonly schema: "dmalab.check/1";
  readonly protocol: string;
  readonly title: string;
  /** With one, what follows is of the search with it. */
  readonly bug: string | null;
  /** Values of the protocol's parameters; empty where it has none. */
  readonly universe: Readonly<Record<string, string>>;
  /** Of all machines that were asked for. */
  readonly states: number;
  readonly orders: number;
  readonly transitions: number;
  /** All of every machine was reached: with nothing violated and nothing unseen a proof for them. */
  readonly complete: boolean;
  /** What ended the search before all was reached; null: nothing did. */
  readonly bounded: {
    readonly by: "states" | "bytes" | "seconds" | "runs";
    readonly max: number;
  } | null;
  /** The first that was found; null: none was. */
  readonly violated: {
    /** What must hold, and does not. */
    readonly invariant: string;
    /** A shortest run to it. */
    readonly steps: readonly ({
      readonly actor: string;
      readonly step: string;
      /** What there was to see after it that was not before; empty: nothing. */
      readonly detail: string;
      /** What it wrote; empty where programs are run in every order. */
      readonly changes: readonly ({
        readonly part: string;
        readonly cell: string;
        readonly from: number;
        readonly to: number;
      })[];
    })[];
  } | null;
  /** What was looked for in any state, and whether it was seen. */
  readonly sometimes: Readonly<Record<string, boolean>>;
  /** Of it, what had to be seen and was not: then nothing was shown. */
  readonly unseen: readonly string[];
  /** Each that was explored; with a bug: with it, and without it. */
  readonly machines: readonly ({
    /** Own: of the universe's values; else the bug whose machine it is. */
    readonly name: string;
    /** The bug that was on. */
    readonly bug: string | null;
    /** Different states; null where programs are run in every order. */
    readonly states: number | null;
    /** Orders that came to their end; null where states are told apart. */
    readonly orders: number | null;
    /** Steps between states; runs, where programs are run in every order. */
    readonly transitions: number;
    /** All of it was reached. */
    readonly complete: boolean;
    /** What ended the search before all was reached; null: nothing did. */
    readonly bounded: {
      readonly by: "states" | "bytes" | "seconds" | "runs";
      readonly max: number;
    } | null;
    /** The first that was found; null: none was. */
    readonly violated: {
      /** What must hold, and does not. */
      readonly invariant: string;
      /** A shortest run to it. */
      readonly steps: readonly ({
        readonly actor: string;
        readonly step: string;
        /** What there was to see after it that was not before; empty: nothing. */
        readonly detail: string;
        /** What it wrote; empty where programs are run in every order. */
        readonly changes: readonly ({
          readonly part: string;
          readonly cell: string;
          readonly from: number;
          readonly to: number;
        })[];
      })[];
    } | null;
    /** What was looked at in every state, or at its end. */
    readonly invariants: readonly string[];
    /** What was looked for in any state, and whether it was seen. */
    readonly sometimes: Readonly<Record<string, boolean>>;
    /** Of it, what had to be seen and was not: then nothing was shown. */
    readonly unseen: readonly string[];
  })[];
}

/** A `dmalab.check-list/1` document. */
export interface CheckListDocument {
  readonly schema: "dmalab.check-list/1";
  readonly protocols: readonly ({
    readonly id: string;
    readonly title: string;
    readonly parameters: readonly ({
      readonly name: string;
      readonly about: string;
      readonly values: readonly string[];
      readonly usual: string;
    })[];
    readonly bugs: readonly string[];
  })[];
  readonly bugs: readonly ({
    readonly id: string;
    readonly protocol: string;
    readonly title: string;
    readonly year: number;
    /** Commit, advisory or discussion. */
    readonly source: string;
    /** What must hold, and does not with the bug. */
    readonly invariant: string;
    /** Candidate: found by reading, and confirmed by nobody. */
    readonly status: "fixed" | "candidate";
    readonly layer: string;
  })[];
}

/** A `dmalab.why/1` document. */
export interface WhyDocument {
  readonly schema: "dmalab.why/1";
  readonly findings: readonly WhyFinding[];
}

/** A `dmalab.inspect/1` document. */
export interface InspectDocument {
  readonly schema: "dmalab.inspect/1";
  readonly source: {
    readonly format: string;
    readonly machine: string | null;
    /** Memory that the image holds. */
    readonly bytes: number;
    /** How the tables were found, what was left out, what cannot be told. */
    readonly notes: readonly string[];
  };
  readonly verdict: InspectVerdict;
  readonly units: readonly ({
    readonly kind: "vtd" | "amdvi" | "smmuv3";
    readonly mode: string;
    /** The root, device or stream table. */
    readonly root: string;
    readonly found: "registers" | "scan" | "acpi" | "given";
    readonly segment: number;
    /** What Linux calls it, where firmware lists it. */
    readonly name?: string | null;
    /** Null: unknown. */
    readonly translating: boolean | null;
    /** Null: unknown. */
    readonly interruptRemapping: boolean | null;
    /** Address, hexadecimal. */
    readonly registersAt: string | null;
    /** Device table: bytes. Stream table: log2 of its entries. */
    readonly size?: number;
    /** Two-level stream table: bits of the stream id that the second level resolves. */
    readonly split?: number;
    /** Address, hexadecimal. */
    readonly interruptTable?: string | null;
    /** Bits of physical addresses. */
    readonly outputBits?: number;
    /** What its registers say that it can do; absent: nothing is known. */
    readonly abilities?: UnitAbilities;
  })[];
  /** What the firmware's tables say; null: the image holds none. */
  readonly firmware?: InspectFirmware | null;
  readonly devices: readonly InspectDevice[];
  /** Neighbouring leaves merged. */
  readonly mappings: readonly InspectMapping[];
  readonly findings: readonly InspectFinding[];
  /** Entries of tables that could not be believed. */
  readonly troubles: readonly InspectTrouble[];
  /** The answer to --who. */
  readonly who?: {
    /** Address, hexadecimal. */
    readonly paddr: string;
    /** The image holds this page. */
    readonly held: boolean;
    /** What is there, where it is known to be no memory. */
    readonly place: string | null;
    /** On x86: writes of devices there raise interrupts and reach no memory. */
    readonly isInterrupt: boolean;
    readonly reached: readonly ({
      /** Segment:bus:device.function; sid:0x… for a stream id that is none; a path of ACPI with its stream. */
      readonly bdf: string;
      /** Null: requests without PASID, in tables that know none. */
      readonly pasid: number | null;
      /** Address, hexadecimal. */
      readonly iova: string;
      readonly perm: "rw" | "r-" | "-w" | "--";
      readonly through: "translated" | "untranslated";
    })[];
    /** Rules of findings by which it is reached without an entry: a unit that is off, a device behind none. */
    readonly open?: readonly string[];
    /** Rules of findings that leave unknown who else reaches it. */
    readonly unknown?: readonly string[];
  };
  /** The answer to --at. */
  readonly walk?: InspectWalk;
  /** What the image of --diff has that this one has not, and the other way round. */
  readonly diff?: {
    readonly same: number;
    readonly changes: readonly InspectChange[];
    /** Of the other image. */
    readonly verdict: InspectVerdict;
    /** What was found in the other image. */
    readonly findings: readonly InspectFinding[];
    /** How the other image was read. */
    readonly notes: readonly string[];
  };
}

/** The bounce pool, and what it refused. */
export interface RunPool {
  /** Slots of 2048 bytes. */
  readonly slots: number;
  readonly areas: number;
  /** Address, hexadecimal. */
  readonly base: string | null;
  /** Slots in use at the end. */
  readonly used: number;
  /** Most slots in use at once. */
  readonly hiwater: number;
  /** Seconds of the recording's clock. */
  readonly hiwaterTime: number;
  /** The kernel's own counters, read after the recording. */
  readonly counters?: {
    readonly used: number | null;
    readonly hiwater: number | null;
  } | null;
  /** The pool was in use before: used and hiwater are the least there can have been. */
  readonly atLeast?: boolean;
  /** False: ends of mappings are missing, and used, hiwater and what devices held are not known. */
  readonly endsRecorded?: boolean;
  readonly failures: readonly RunFailure[];
  /** Dma_map_sg lists that were refused and left no event of their own. */
  readonly refusedLists: readonly RunFailure[];
  /** The same, counted: different lists, how often they were tried, and those that were tried again. */
  readonly refusedTries?: {
    readonly lists: number;
    readonly tries: number;
    readonly again: readonly ({
      readonly device: string;
      readonly tries: number;
      /** Seconds of the recording's clock. */
      readonly from: number;
      /** Seconds of the recording's clock. */
      readonly to: number;
    })[];
  };
}

/** A request that the pool refused, and the pool at that instant. */
export interface RunFailure {
  /** Seconds of the recording's clock. */
  readonly time: number;
  readonly device: string;
  /** Bytes. */
  readonly size: number;
  readonly reason: "too-large" | "exhausted" | "fragmented" | "area" | "alignment" | "boundary" | "mask" | "absent" | "unknown";
  /** Free slots of the whole pool at that instant. */
  readonly free: number;
  /** Longest run of free slots inside one slot set at that instant. */
  readonly longestRun: number;
  readonly cpu: number;
  /** Slots that the request needs. */
  readonly slots: number;
  /** Slots in use at that instant. */
  readonly used: number;
  readonly words: string;
}

/** Unmappings of IOMMUs against what caches were told to forget. */
export interface RunInvalidations {
  /** Ranges that were unmapped. */
  readonly unmaps: number;
  /** Those that every cache was told to forget before their address was used again. */
  readonly covered: number;
  /** Of them, those whose domain no event names: in every domain that is ever flushed. */
  readonly coveredInAll: number;
  /** Those whose memory was mapped anew before caches forgot it: lazy domains let that be. */
  readonly mappedAnew: number;
  /** Those that were not, and the recording proves it. */
  readonly broken: number;
  /** Those that not every cache was told to forget when the recording ended. */
  readonly waiting: number;
  readonly unknown: readonly ({
    readonly count: number;
    readonly why: string;
  })[];
  /** Descriptors of the units' queues, by what they ask for. */
  readonly descriptors: readonly ({
    readonly kind: string;
    readonly count: number;
  })[];
  /** Flushes that the driver says it set out to make. */
  readonly flushes: number;
  /** How long unmapped memory stayed reachable; null where that cannot be told. */
  readonly reachable: {
    /** Unmappings whose memory stayed reachable after its driver could use it again. */
    readonly count: number;
    /** Of so many of which both moments are known. */
    readonly of: number;
    /** Seconds. */
    readonly median: number | null;
    /** Seconds. */
    readonly max: number | null;
    /** Bytes times seconds, summed. */
    readonly byteSeconds: number;
  } | null;
  /** Whether the kernel flushes as it unmaps or later, and how that is known. */
  readonly policy?: {
    /** Null: nothing tells. */
    readonly mode: "strict" | "lazy" | null;
    readonly how: string;
  };
  /** Why nothing is told. */
  readonly note: string | null;
}

/** Devices that were given another domain. */
export interface RunDomainChanges {
  /** Devices that were given their first domain, as far as the recording goes back. */
  readonly first: number;
  /** All other changes. */
  readonly count: number;
  /** Those of which caches were not told to forget the old domain as hardware asks, and the recording proves it. */
  readonly broken: number;
  readonly changes: readonly ({
    /** When it was complete. */
    readonly time: number;
    /** Its first event. */
    readonly began: number;
    /** Null where no event names it. */
    readonly device: string | null;
    /** 0: of requests without a PASID. */
    readonly pasid: number;
    /** Torn down: what translated was taken away, and no attaching is recorded after it. */
    readonly how: "attach" | "release" | "PASID" | "torn down";
    readonly from: RunDomainSide;
    readonly to: RunDomainSide;
    /** How long nothing served the device's requests, as far as events show it. */
    readonly gap: {
      /** Seconds. */
      readonly atLeast: number;
      /** Seconds; null where no event shows when the old domain ended. */
      readonly atMost: number | null;
    } | null;
    /** Why no gap is told. */
    readonly gapNote: string | null;
    /** What the unit was asked to forget in between, in this order. */
    readonly asked: readonly string[];
    /** Whether that is the order that hardware asks for. */
    readonly order: "kept" | "broken" | "unknown";
    /** What is broken, or why it is unknown. */
    readonly orderNote: string | null;
    /** Mappings of the device that were seen to begin and not to end, when it was complete. */
    readonly mapped: number;
    /** Mappings made for the device during the change. */
    readonly maps: number;
    /** Mappings of the device that ended during the change. */
    readonly unmaps: number;
  })[];
  /** Numbers of domains that were given to another domain. */
  readonly again: {
    /** Numbers of domains that served again after their last device had gone. */
    readonly count: number;
    /** Those that the IOTLB was told to forget in between. */
    readonly covered: number;
    /** Those that it was not, and the recording proves it. */
    readonly broken: number;
    readonly unknown: readonly ({
      readonly count: number;
      readonly why: string;
    })[];
  };
}

/** What translated a device's requests. */
export interface RunDomainSide {
  /** None: it belonged to no domain; untagged: identity or blocked, nothing tells which. */
  readonly kind: "translated" | "identity" | "blocked" | "none" | "untagged" | "unknown";
  /** The domain's number in its unit, where an event shows it. */
  readonly domain: number | null;
}

/** A Xen domain's addresses against its page map. */
export interface RunXen {
  /** Direct: own pages have the machine's numbers, as on Arm; only foreign ones are translated. */
  readonly memory: "paravirtualised" | "direct";
  /** Every dump that was read or passed over. */
  readonly files: readonly ({
    readonly name: string;
    /** What the file was taken for, and why. */
    readonly used: string;
  })[];
  readonly probes: {
    readonly frames: boolean;
    readonly grants: boolean;
    readonly searches: boolean;
  };
  /** Mappings whose buffer's machine frame the page map gives. */
  readonly frames: {
    readonly known: number;
    readonly unknown: number;
    /** No-p2m, outside-p2m, grants-not-recorded, grant-not-seen, batch-cut, changed-unseen, events-lost, translated: mappings that did not bounce. */
    readonly unknownBecause: Readonly<Record<string, number>>;
  };
  /** Bus addresses of mappings that did not bounce, against the page map. */
  readonly addresses: {
    readonly compared: number;
    readonly equal: number;
    readonly unknown: number;
    readonly mismatches: readonly ({
      /** Seconds of the recording's clock. */
      readonly time: number;
      readonly device: string;
      /** Address, hexadecimal. */
      readonly phys: string | null;
      readonly size: number;
      /** Address, hexadecimal. */
      readonly kernel: string | null;
      /** Address, hexadecimal. */
      readonly predicted: string | null;
    })[];
  };
  /** Addresses of buffers that bounced, as swiotlb_bounced prints them, against the page map. */
  readonly originals: {
    readonly compared: number;
    readonly equal: number;
    readonly unknown: number;
  };
  /** Mappings of the domain's own pages; `maps` are those that were granted. */
  readonly own: {
    readonly maps: number;
    readonly direct: number;
    readonly bounced: number;
    readonly refused: number;
  };
  readonly foreign: {
    readonly maps: number;
    readonly direct: number;
    readonly bounced: number;
    readonly refused: number;
    /** Of which nothing tells whose page it is. */
    readonly undecided: number;
    readonly domains: readonly ({
      readonly domain: number | null;
      readonly maps: number;
    })[];
  };
  readonly grants: {
    readonly mapped: number;
    readonly failed: number;
    readonly unmapped: number;
    /** Entries of batches larger than the probe shows. */
    readonly notShown: number;
    /** Unmapped, and never seen mapped. */
    readonly unmappedUnseen: number;
    readonly aliveBefore: number;
    readonly aliveAtEnd: number;
    readonly alive: readonly ({
      /** Frame number of 4 KiB, hexadecimal; null where it is not known. */
      readonly pfn: string | null;
      /** Frame number of 4 KiB, hexadecimal; null where it is not known. */
      readonly mfn: string | null;
      readonly domain: number | null;
      readonly reference: number | null;
    })[];
  };
  /** Regions made machine-contiguous for coherent memory. */
  readonly regions: {
    readonly made: number;
    readonly failed: number;
    readonly ended: number;
  };
  /** Why buffers bounced, refused ones included; small: of a device that is not coherent. */
  readonly causes: {
    readonly forced: number;
    readonly mask: number;
    readonly straddle: number;
    readonly small: number;
    readonly unknown: number;
  };
  /** Cache maintenance for devices that are not coherent; null where the recording shows none. */
  readonly cache: {
    /** Calls before a device's access. */
    readonly before: {
      /** By the CPU, of the domain's own pages. */
      readonly own: number;
      /** By the CPU, of slots of the pool. */
      readonly slots: number;
      /** By the CPU, of foreign pages, at their address in this domain. */
      readonly foreignByCpu: number;
      /** Of foreign pages, by the hypervisor. */
      readonly foreignByXen: number;
    };
    /** Calls after it. */
    readonly after: {
      readonly own: number;
      readonly slots: number;
      readonly foreignByXen: number;
      /** The device has only read: nothing to do. */
      readonly idle: number;
    };
    /** Calls to the hypervisor, one for each frame of 4 KiB. */
    readonly calls: {
      readonly clean: number;
      readonly invalidate: number;
      readonly other: number;
      readonly failed: number;
    };
    /** Another page was maintained than the one that the device used, as recorded. */
    readonly wrong: {
      readonly unmaps: number;
      readonly syncs: number;
      /** Of which lines were dropped, so that what the device wrote may be read old (inferred). */
      readonly invalidated: number;
      /** Of which the wrong page was itself a foreign one in use. */
      readonly inUse: number;
      /** Different bus frames whose number was taken for an own page's. */
      readonly frames: number;
      readonly examples: readonly ({
        /** Seconds of the recording's clock. */
        readonly time: number;
        readonly device: string;
        readonly size: number;
        /** Page that was maintained: it has the number of the bus frame. */
        readonly wrong: string | null;
        /** Page that stands for the bus frame. */
        readonly right: string | null;
        readonly invalidates: boolean;
        readonly inUse: boolean | null;
      })[];
    };
  } | null;
  readonly straddles: {
    readonly bounced: number;
    readonly notBounced: number;
    readonly list: readonly ({
      /** Seconds of the recording's clock. */
      readonly time: number;
      readonly device: string;
      /** Address, hexadecimal. */
      readonly phys: string | null;
      readonly size: number;
      /** Each page of the buffer. */
      readonly frames: readonly ({
        /** Frame number of 4 KiB, hexadecimal; null where it is not known. */
        readonly pfn: string | null;
        /** Frame number of 4 KiB, hexadecimal; null where it is not known. */
        readonly mfn: string | null;
      })[];
    })[];
  };
  /** Mappings that a test by the machine-to-physical table alone would take for bounces. */
  readonly overlap: {
    /** Mappings of foreign frames whose owner's number is one of this pool; null = unknown. */
    readonly maps: number | null;
    readonly frames: number;
    /** Of which only the foreign mark tells the two apart. */
    readonly sameNumber: number;
    readonly examples: readonly ({
      /** Seconds of the recording's clock. */
      readonly time: number;
      readonly device: string;
      /** Address, hexadecimal. */
      readonly dma: string | null;
      /** Frame number of 4 KiB, hexadecimal; null where it is not known. */
      readonly pfn: string | null;
      /** Frame number of 4 KiB, hexadecimal; null where it is not known. */
      readonly mfn: string | null;
      /** Frame number of 4 KiB, hexadecimal; null where it is not known. */
      readonly ownerPfn: string | null;
      /** Slot that a test without the P2M would take it for. */
      readonly slot: number;
    })[];
  };
  /** Sets of 128 slots, and whether their pages follow each other on the machine. */
  readonly slotSets: {
    readonly total: number;
    readonly contiguous: number;
    readonly broken: number;
    readonly unknown: number;
    /** First slots of broken sets. */
    readonly brokenAt: readonly number[];
    /** Sets that the next one of the pool follows on the machine too. */
    readonly inSequence: number;
    /** Frame number of 4 KiB, hexadecimal; null where it is not known. */
    readonly lowest: string | null;
    /** Frame number of 4 KiB, hexadecimal; null where it is not known. */
    readonly highest: string | null;
  } | null;
  readonly poolFrames: {
    readonly p2m: {
      readonly compared: number;
      readonly equal: number;
    };
    readonly m2p: {
      readonly compared: number;
      readonly equal: number;
    };
  } | null;
  /** Searches of the pool by the kernel's own probe. */
  readonly searches: {
    readonly kernel: number;
    readonly kernelRefused: number;
  } | null;
  readonly refusals: {
    readonly recorded: number;
    /** Lists that left no event. */
    readonly lists: number;
  };
  /** Dumps from after the recording against the model at its end. */
  readonly end: {
    readonly pool: {
      readonly used: {
        /** By the dump. */
        readonly kernel: number | null;
        readonly model: number | null;
      };
      /** Since boot. */
      readonly hiwater: {
        /** By the dump. */
        readonly kernel: number | null;
        readonly model: number | null;
      };
      readonly index: readonly ({
        /** By the dump. */
        readonly kernel: number | null;
        readonly model: number | null;
      })[];
      /** Used slots with their buffers. */
      readonly slots: {
        readonly kernel: number;
        readonly equal: number;
      };
    } | null;
    /** Pages that changed, or are foreign, after the recording. */
    readonly p2m: {
      readonly compared: number;
      readonly equal: number;
    } | null;
  };
  readonly notes: readonly string[];
}

/** What a scenario, or a bug, showed. */
export interface ScenarioStory {
  /** Null when a bug alone is demonstrated. */
  readonly id: string | null;
  readonly title: string;
  readonly quotation: {
    readonly text: string;
    readonly author: string;
    readonly date: string;
    readonly where: string;
  } | null;
  readonly machine: string | null;
  readonly seed: number;
  readonly bug: string | null;
  readonly parts: readonly ScenarioPart[];
  readonly demonstration: BugDemonstration | null;
}

/** One telling: its steps, and which rules held. */
export interface ScenarioPart {
  readonly title: string;
  /** Shows how it goes otherwise: its broken rules are no fault. */
  readonly contrast: boolean;
  readonly steps: readonly ({
    readonly actor: string;
    readonly does: string;
    readonly facts: readonly ({
      readonly name: string;
      readonly value: string;
    })[];
    readonly grid: {
      readonly title: string;
      readonly columns: readonly string[];
      readonly rows: readonly (readonly string[])[];
    } | null;
  })[];
  readonly verdicts: readonly ({
    readonly rule: string;
    readonly holds: boolean;
    readonly seen: string;
  })[];
}

/** The shortest run with the bug, and all runs without. */
export interface BugDemonstration {
  readonly bug: HistoricBug;
  readonly on: {
    /** The shortest run that breaks the rule. */
    readonly broken: {
      readonly how: string;
      readonly steps: readonly ({
        readonly actor: string;
        readonly said: string;
      })[];
    } | null;
    readonly runs: number;
  };
  readonly off: {
    readonly holds: boolean;
    /** Orders that came to their end; of a search of states: ends. */
    readonly orders: number;
    /** Different states that were reached, where states were searched. */
    readonly states?: number;
    readonly complete: boolean;
    readonly steps: readonly ({
      readonly actor: string;
      readonly said: string;
    })[];
  };
}

/** A bug of the past that is a switch here. */
export interface HistoricBug {
  readonly id: string;
  readonly title: string;
  readonly year: number;
  /** Commit, advisory or discussion. */
  readonly source: string;
  /** What must hold, and does not with the bug. */
  readonly rule: string;
  readonly layer: string;
}

/** Mappings of one device that are alike. */
export interface RunGroup {
  readonly device: string;
  readonly count: number;
  /** Bytes. */
  readonly bytes: number;
  /** When the oldest of them was mapped. */
  readonly since: number;
  readonly kind?: string;
  readonly direction?: string;
  /** Attributes of the mapping, as bits. */
  readonly attrs?: number;
  /** Bytes of one mapping, of a whole list. */
  readonly size?: number;
  /** Their number kept growing: a leak. */
  readonly growing?: boolean;
  readonly evidence?: string;
}

/** What became of one device's mappings. */
export interface RunDevice {
  readonly name: string;
  readonly driver: string | null;
  /** Bits of the DMA mask; null when none was seen. */
  readonly maskBits: number | null;
  /** Address, hexadecimal. */
  readonly minAlignMask: string | null;
  /** Segment boundary, 0 = none. */
  readonly boundary: number;
  readonly alignmentFrom: "driver" | "addresses" | "assumed" | "described";
  readonly maps: number;
  readonly direct: number;
  readonly bounced: number;
  readonly translated: number;
  readonly failed: number;
  /** Bytes. */
  readonly bytes: number;
  /** Bytes. */
  readonly bouncedBytes: number;
  readonly slotsPeak: number;
  readonly slotsNow: number;
  /** Mappings alive at the end; null where their ends are not recorded. */
  readonly live: number | null;
  readonly why: readonly ({
    readonly words: string;
    readonly count: number;
  })[];
  /** Of a described machine: how its buffers are made reachable. */
  readonly engine?: string;
  /** Why the kernel took that engine. */
  readonly because?: string;
  /** Mappings of another domain's pages. */
  readonly foreign?: number;
  readonly split?: number;
  readonly merged?: number;
}

/** The run of a described machine. */
export interface MachineRun {
  /** Atomic steps of all actors. */
  readonly steps: number;
  /** False: the run was cut before its end. */
  readonly complete: boolean;
  readonly programs: readonly MachineProgram[];
  /** The first mappings of each device. */
  readonly dma: readonly MachineMapping[];
  readonly iommu: MachineIommu | null;
  readonly hypervisor: {
    /** Accesses held against the owners of frames. */
    readonly accessesChecked: number;
    /** By name; of grants the operations, of which a call may take several. */
    readonly hypercalls: Readonly<Record<string, number>>;
    /** Null: no device is kept by an IOMMU of the hypervisor. */
    readonly pageLifetime: MachinePageLifetime | null;
  } | null;
  /** Grants, maps, references, pages and slots that outlived the run. */
  readonly left: readonly ({
    readonly domain: number;
    readonly what: string;
    readonly count: number;
  })[];
  /** The rules of the DMA API were watched. */
  readonly watched: boolean;
  /** Refused mappings by device, reason and class of sizes. */
  readonly refusals: readonly MachineRefusal[];
}

/** What one program of the workload did. */
export interface MachineProgram {
  readonly program: string;
  /** Domain whose requests these are; null for the driver domain's own. */
  readonly from: number | null;
  /** Null for a program that works on none. */
  readonly device: string | null;
  /** Requests, packets or hostile writes that were asked for. */
  readonly requests: number;
  readonly ended: number;
  readonly failed: number;
  readonly bytesWritten: number;
  readonly bytesRead: number;
  /** Places whose bytes are not what was sent. */
  readonly wrong: readonly string[];
  /** Requests that a back end answered with an error. */
  readonly refused: number;
  /** Why: each kind once, with how many there were and the first of them. */
  readonly refusals: readonly string[];
  readonly notes: readonly string[];
}

/** One mapping, and why it came to lie where it does. */
export interface MachineMapping {
  readonly device: string;
  readonly phys: string | null;
  readonly size: number;
  readonly direction: string;
  readonly bus: string | null;
  /** Why the engine did what it did. */
  readonly cause: string;
  readonly bounced: boolean;
  /** Another domain's page. */
  readonly foreign: boolean;
  readonly refused: string | null;
}

/** What the IOMMU of a described machine was asked, told and refused. */
export interface MachineIommu {
  readonly kind: "vtd" | "vtd-scalable" | "amdvi" | "smmuv3";
  readonly policy: "strict" | "lazy" | "pass-through";
  /** Pages that devices asked for by bus address. */
  readonly untranslated: number;
  /** Translations that devices with a TLB of their own asked for. */
  readonly translationRequests: number;
  /** Pages that they reached by those. */
  readonly translated: number;
  /** Of untranslated, how many the IOTLB answered. */
  readonly fromCache: number;
  /** Accesses that it refused. */
  readonly refused: readonly ({
    readonly device: string;
    /** Translation: one for a device's own TLB. */
    readonly asked: "read" | "write" | "translation";
    /** False: the answer of a translation request, which the unit records nowhere. */
    readonly isFault: boolean;
    /** The unit's number of the reason; 0 where it is no fault. */
    readonly code: number;
    readonly words: string;
    readonly count: number;
    /** The device named machine addresses, by translations that it keeps. */
    readonly isTranslated: boolean;
    readonly first: readonly (string | null)[];
  })[];
  /** Refusals that the unit recorded and the kernel took off the record. */
  readonly recorded: number;
  /** What the kernel posted in the queue. */
  readonly descriptors: readonly ({
    readonly what: string;
    readonly count: number;
  })[];
  /** Devices that were taken from their driver, and how many accesses were refused them after that. */
  readonly takenAway: readonly ({
    readonly device: string;
    /** Step of the run. */
    readonly step: number;
    readonly refused: number;
  })[];
  /** Answers of devices to invalidations that had forgotten nothing, and were believed. */
  readonly wrongAnswers: readonly ({
    readonly device: string;
    readonly count: number;
  })[];
  /** Lazy: flushes of a whole domain. */
  readonly domainFlushes: number;
  /** Lazy: the most unmapped addresses that waited for one. */
  readonly waitingMost: number;
  /** The kernel is a guest's, and its unit one that the host gives it; null: it is not. */
  readonly nesting: {
    /** How often a device was led through tables of the guest. */
    readonly nested: number;
    /** Runs of frames that the guest's memory lies in, each mapped by one call. */
    readonly pieces: number;
    /** Commands that the guest's unit carried out, waits excepted. */
    readonly told: number;
    /** Commands that the host gave its own unit for them. */
    readonly carriedOver: number;
    /** HostBug: those that it did not. */
    readonly lost: number;
    /** Tags that were given while the unit kept translations under them (I6). */
    readonly recycled: number;
    /** Pages that devices reached by what was to be forgotten (I1). */
    readonly stale: number;
  } | null;
  /** The host's tables are the shadow of a guest's; null: they are not. */
  readonly switching: {
    /** The device's entry, or all mappings of its domain. */
    readonly way: "replace" | "remap";
    /** Switches of devices between identity and a domain of their own; that a driver's device is attached for the first time is none. */
    readonly switches: number;
    /** Calls that mapped or unmapped a run of pages in their course. */
    readonly calls: number;
    /** Calls that the other way would have taken for the same switches. */
    readonly callsOtherWay: number;
    /** Steps that devices took meanwhile. */
    readonly deviceSteps: number;
    /** Pages refused to devices although both domains lead there alike (I5). */
    readonly refusedAlike: number;
    /** Pages that devices asked for meanwhile, by what became of them. */
    readonly met: {
      readonly alike: number;
      readonly old: number;
      readonly new: number;
      readonly blocked: number;
      readonly wrong: number;
    };
  } | null;
}

/** Pages that a domain gave back while its devices worked. */
export interface MachinePageLifetime {
  readonly policy: "no-wait" | "batch-without-references" | "batch-with-references" | "xen-2016" | "xen-2021" | "linux-vtd" | "linux-amdvi" | "linux-smmuv3" | "fence-then-free" | "async-paused" | "async-running" | "export-barrier";
  /** What is done. */
  readonly words: string;
  /** Pages that the domain gave back which drives the devices. */
  readonly givenBack: number;
  /** The most steps from an entry's going until its flush counted as done. */
  readonly mostSteps: number;
  /** How often the unit gave a device up that did not answer. */
  readonly giveUps: number;
  /** I3: pages that were free while a flush of theirs was owed. */
  readonly freeWhileOwed: number;
  /** I8: pages that were free although a device had not answered and was not blocked. */
  readonly freeUnfenced: number;
  /** Accesses of devices to pages of somebody else, or of nobody. */
  readonly strayed: number;
  /** Accesses to pages that were given back and waited for their flush. */
  readonly parked: number;
  /** The first that strayed. */
  readonly first: readonly ({
    readonly device: string;
    readonly write: boolean;
    /** The page's machine address. */
    readonly machine: string | null;
    /** Where it had been in the domain. */
    readonly guest: string | null;
    /** Whose it was by then; -1: nobody's, -2: the hypervisor's. */
    readonly owner: number;
    /** What led there. */
    readonly by: "device TLB" | "IOTLB" | "tables";
    /** Step of the run. */
    readonly step: number;
    /** Step in which its entry went. */
    readonly unmapped: number;
    /** Step of the run; null: it had not come to that. */
    readonly freed: number | null;
    /** Step of the run; null: it had not come to that. */
    readonly flushed: number | null;
    /** Its flush counted as done although a device had not answered. */
    readonly gaveUp: boolean;
  })[];
}

/** Refused mappings of one device and one reason. */
export interface MachineRefusal {
  readonly device: string;
  readonly reason: string;
  /** The reason in a few words. */
  readonly title: string;
  /** Each stands for a list of buffers that was refused as a whole. */
  readonly list: boolean;
  readonly count: number;
  /** Bytes. */
  readonly sizeLeast: number;
  /** Bytes. */
  readonly sizeMost: number;
  /** The first of them. */
  readonly examples: readonly ({
    /** Which mapping of its device. */
    readonly map: number;
    readonly phys: string | null;
    readonly size: number;
    readonly words: string;
  })[];
}

/** One answer: what happened, how that is known, and what to do. */
export interface WhyFinding {
  /** The line of the log, or the setting, that this is about. */
  readonly line: string;
  readonly cause: string;
  readonly evidence: string;
  readonly do: string;
  /** Stable name of the cause, for programs. */
  readonly kind?: string;
  /** False: normal, and only worth knowing. */
  readonly trouble?: boolean;
  /** As the log names it; null: it names none. */
  readonly device?: string | null;
  /** Seconds of the log's clock. */
  readonly time?: number | null;
  /** Lines of the log that say the same. */
  readonly count?: number;
  /** When the last of them came. */
  readonly lastTime?: number | null;
}

/** What all findings come to. */
export interface InspectVerdict {
  /** ✗, ⚠ or ✓: the weightiest level of the findings; shown where all are notes. */
  readonly level: "trouble" | "unproven" | "shown";
  readonly words: string;
  /** What the tables of the devices of this document lead to. */
  readonly reached: {
    /** Bytes of addresses that the devices' tables map. */
    readonly addresses: number;
    /** Bytes of memory behind them, each page once. */
    readonly distinct: number;
    /** RAM among it; null where the image does not show what is RAM. */
    readonly ram: number | null;
  };
  /** RAM of the machine; null where the image does not show it. */
  readonly ramTotal: number | null;
}

/** What a unit is able to do; what is absent is unknown. */
export interface UnitAbilities {
  /** Bit n is set when tables may have n levels. */
  readonly secondLevels?: number;
  /** Bit n is set when tables may have n levels. */
  readonly firstLevels?: number;
  readonly inputBits?: number;
  readonly pasidBits?: number;
  readonly first?: boolean;
  readonly second?: boolean;
  readonly nested?: boolean;
  readonly passThrough?: boolean;
  readonly ats?: boolean;
  readonly ridPasid?: boolean;
  readonly abortsWhenOff?: boolean;
  readonly secondLacks?: readonly string[];
  readonly firstLacks?: readonly string[];
  /** Of an SMMUv3, as its identification registers say. */
  readonly smmu?: {
    readonly tableFormats?: number;
    readonly wideDescriptors?: boolean;
    readonly hardwareUpdates?: number;
    readonly stallModel?: number;
    readonly alwaysAborts?: boolean;
    readonly wideAsids?: boolean;
    readonly wideVmids?: boolean;
    readonly endianness?: number;
    readonly twoLevelContexts?: boolean;
    readonly noSplitAts?: boolean;
    readonly hierarchyOff?: boolean;
    readonly smallTables?: boolean;
    readonly granules?: number;
    readonly wideInputs?: boolean;
  };
}

/** What the firmware's tables say. */
export interface InspectFirmware {
  readonly tables: readonly ({
    readonly signature: string;
    /** Address, hexadecimal. */
    readonly address: string;
    /** Bytes. */
    readonly bytes: number;
    readonly says: readonly string[];
    readonly wrongChecksum: boolean;
  })[];
  readonly addressBits: number | null;
  /** DMAR: INTR_REMAP. */
  readonly interruptRemapping: boolean | null;
  /** DMAR: X2APIC_OPT_OUT. */
  readonly x2apicOptOut: boolean | null;
  /** DMAR: DMA_CTRL_PLATFORM_OPT_IN; IVRS: DMA remap support. */
  readonly dmaOptIn: boolean | null;
  /** In the order of the kernel. */
  readonly units: readonly ({
    /** What Linux calls it: dmar0, ivhd1, arm-smmu-v3.2.auto. */
    readonly name: string | null;
    readonly kind: "vtd" | "amdvi" | "smmuv3" | "smmu" | "virtio-iommu";
    /** Index into units; null: it is not read. */
    readonly unit: number | null;
    /** Address, hexadecimal. */
    readonly registersAt: string | null;
    /** The unit itself, where it is a PCI function. */
    readonly bdf: string | null;
    readonly segment: number;
    /** Every device of the segment that no other unit names. */
    readonly includeAll: boolean;
    readonly says: readonly string[];
    readonly scopes: readonly ({
      readonly what: "device" | "bridge" | "io-apic" | "hpet" | "named" | "range" | "all" | "stream";
      /** As the table writes it: 00:1c.0 → 00.0, a path of ACPI. */
      readonly name: string;
      readonly segment?: number;
      /** A device, or of streams the first; absent: nobody says the buses on the way. */
      readonly first?: string;
      readonly last?: string;
      /** The stream that the first comes to. */
      readonly stream?: string;
      /** Bits of the addresses that a device of ACPI can send. */
      readonly addressBits?: number;
      /** Of streams: index into firmware.units. */
      readonly unit?: number;
    })[];
  })[];
  readonly regions: readonly ({
    readonly kind: "RMRR" | "IVMD" | "RMR";
    /** Address, hexadecimal. */
    readonly first: string;
    /** Address, hexadecimal. */
    readonly last: string;
    readonly segment: number;
    readonly perm: "rw" | "r-" | "-w" | "--";
    readonly scopes: readonly ({
      readonly what: "device" | "bridge" | "io-apic" | "hpet" | "named" | "range" | "all" | "stream";
      /** As the table writes it: 00:1c.0 → 00.0, a path of ACPI. */
      readonly name: string;
      readonly segment?: number;
      /** A device, or of streams the first; absent: nobody says the buses on the way. */
      readonly first?: string;
      readonly last?: string;
      /** The stream that the first comes to. */
      readonly stream?: string;
      /** Bits of the addresses that a device of ACPI can send. */
      readonly addressBits?: number;
      /** Of streams: index into firmware.units. */
      readonly unit?: number;
    })[];
  })[];
  /** Who may use ATS. */
  readonly ats: {
    readonly all: boolean;
    readonly scopes: readonly ({
      readonly what: "device" | "bridge" | "io-apic" | "hpet" | "named" | "range" | "all" | "stream";
      /** As the table writes it: 00:1c.0 → 00.0, a path of ACPI. */
      readonly name: string;
      readonly segment?: number;
      /** A device, or of streams the first; absent: nobody says the buses on the way. */
      readonly first?: string;
      readonly last?: string;
      /** The stream that the first comes to. */
      readonly stream?: string;
      /** Bits of the addresses that a device of ACPI can send. */
      readonly addressBits?: number;
      /** Of streams: index into firmware.units. */
      readonly unit?: number;
    })[];
  } | null;
  readonly aliases: readonly ({
    /** Segment:bus:device.function; sid:0x… for a stream id that is none; a path of ACPI with its stream. */
    readonly first: string;
    /** Segment:bus:device.function; sid:0x… for a stream id that is none; a path of ACPI with its stream. */
    readonly last: string;
    /** Segment:bus:device.function; sid:0x… for a stream id that is none; a path of ACPI with its stream. */
    readonly source: string;
  })[];
  readonly configuration: readonly ({
    readonly segment: number;
    /** Address, hexadecimal. */
    readonly base: string;
    readonly firstBus: number;
    readonly lastBus: number;
  })[];
}

/** A device, or one PASID of it, and what it reaches. */
export interface InspectDevice {
  /** Segment:bus:device.function; sid:0x… for a stream id that is none; a path of ACPI with its stream. */
  readonly bdf: string;
  /** Null: requests without PASID, in tables that know none. */
  readonly pasid: number | null;
  /** What its SMMU sees, where firmware says which device sends it. */
  readonly stream?: string;
  /** Identity: an entry says pass through. bypass: the unit does not look at the device. */
  readonly state: "translated" | "identity" | "blocked" | "bypass";
  /** VT-d DID, AMD-Vi DomainID, SMMUv3 ASID or VMID. */
  readonly domain: number | null;
  readonly stage: "first" | "second" | "nested" | null;
  /** Entries of page tables that map memory; 0 for a device that is not translated. */
  readonly leaves: number;
  /** Addresses that they map; a page that is mapped twice counts twice. */
  readonly bytes: number;
  /** The device may send addresses as already translated. */
  readonly ats: boolean;
  /** Index into units. */
  readonly unit: number;
  /** Mappings of this device in this document's form. */
  readonly ranges: number;
  /** What passes, for a device that is not translated. */
  readonly perm: "rw" | "r-" | "-w" | "--";
  readonly why: string;
  /** Memory that its mappings lead to; each page counts once. */
  readonly memory: number;
}

/** Addresses of a device that lead to memory in one piece. */
export interface InspectMapping {
  /** Segment:bus:device.function; sid:0x… for a stream id that is none; a path of ACPI with its stream. */
  readonly bdf: string;
  /** Null: requests without PASID, in tables that know none. */
  readonly pasid: number | null;
  /** Address, hexadecimal. */
  readonly iova: string;
  /** Address, hexadecimal. */
  readonly paddr: string;
  /** Bytes. */
  readonly bytes: number;
  readonly perm: "rw" | "r-" | "-w" | "--";
}

/** What was judged. */
export interface InspectFinding {
  readonly what: string;
  readonly where: string;
  readonly why: string;
  readonly rule: string;
  /** Unproven: nothing wrong was found, and what was given does not show that devices are confined. */
  readonly level: "trouble" | "unproven" | "note";
  /** Level, in two values. */
  readonly weight: "trouble" | "note";
}

/** An entry of a table that could not be believed. */
export interface InspectTrouble {
  /** Null: an entry of a unit's device tables. */
  readonly bdf: string | null;
  /** Null: requests without PASID, in tables that know none. */
  readonly pasid: number | null;
  readonly kind: "cycle" | "outside" | "reserved" | "address-size" | "limit";
  /** Address, hexadecimal. */
  readonly entryAt: string;
  /** Address, hexadecimal. */
  readonly value: string;
  /** Address, hexadecimal. */
  readonly iova: string | null;
  /** 0 = the table that holds only leaves. */
  readonly level: number | null;
  readonly what: string;
}

/** Where one address of a device leads, entry by entry. */
export interface InspectWalk {
  /** Segment:bus:device.function; sid:0x… for a stream id that is none; a path of ACPI with its stream. */
  readonly bdf: string;
  /** Who was asked for, where it sends under the id of the other. */
  readonly sentBy?: string;
  /** Null: requests without PASID, in tables that know none. */
  readonly pasid: number | null;
  /** Address, hexadecimal. */
  readonly iova: string;
  /** Null: the device has no entry. */
  readonly state: "translated" | "identity" | "blocked" | "bypass" | null;
  readonly steps: readonly ({
    /** Where the entry lies; under nesting, in the memory that the first stage sees. */
    readonly at: string;
    /** The entry, its highest word first, hexadecimal. */
    readonly value: string;
    readonly title: string;
    /** What the vendor calls it there: context entry, second-stage PDE. */
    readonly name?: string;
    readonly stage?: "device" | "first" | "second";
    readonly meaning: string;
    readonly fields: readonly ({
      readonly name: string;
      readonly bits: string;
      /** Address, hexadecimal. */
      readonly value: string;
      readonly doc: string;
    })[];
  })[];
  /** Null: a fault. */
  readonly paddr: string | null;
  /** Size of the page; 0 for a fault, or where nothing translates. */
  readonly bytes: number;
  readonly perm: "rw" | "r-" | "-w" | "--";
  readonly fault: {
    /** The unit's own number for it; null: the unit is silent. */
    readonly code: number | null;
    readonly name: string;
    readonly words: string;
    readonly why: string;
  } | null;
  /** Accesses that a page without the permission refuses. */
  readonly refusals: readonly ({
    readonly access: "read" | "write";
    readonly code: number | null;
    readonly words: string;
  })[];
}

/** What one device gained and lost. */
export interface InspectChange {
  /** Segment:bus:device.function; sid:0x… for a stream id that is none; a path of ACPI with its stream. */
  readonly bdf: string;
  /** Null: requests without PASID, in tables that know none. */
  readonly pasid: number | null;
  /** Null: no entry. */
  readonly before: "translated" | "identity" | "blocked" | "bypass" | null;
  /** Identity: an entry says pass through. bypass: the unit does not look at the device. */
  readonly after: "translated" | "identity" | "blocked" | "bypass" | null;
  readonly words: readonly string[];
  readonly lost: readonly InspectMapping[];
  readonly gained: readonly InspectMapping[];
}
