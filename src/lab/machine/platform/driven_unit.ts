/**
 * An IOMMU with the driver of it, in memory where its tables stand: what is the same whether a kernel has it for itself or
 * a hypervisor keeps its guests' devices by it.
 */
import { frameBytes } from "../../../base/frame.js";
import { drawn } from "../../../base/rng.js";
import { type DmaOutcome, type DmaPort, requesterOf } from "../../../bus/dma_port.js";
import { AtsPort } from "../../../hw/iommu/ats/ats_port.js";
import { DeviceTlb, type Manners } from "../../../hw/iommu/ats/device_tlb.js";
import { AddressType, type DmaRequest, Outcome, type Resolution } from "../../../hw/iommu/core/request.js";
import { TranslatingPort } from "../../../hw/iommu/core/translating_port.js";
import type { Memory } from "../../../mem/memory.js";
import { type Actor, oneWay } from "../../../sim/actor.js";
import { MachineState } from "../../../state/machine_state.js";
import type { UnitPorts } from "../../../sw/iommu/ports.js";
import type { AttachedDevice, UnitDriver } from "../../../sw/iommu/unit_driver.js";
import type { TraceStep } from "../../../table/index.js";
import type { DeviceAnswers, MachineDescription } from "../description/schema.js";
import { type IommuCounts, IommuTally } from "./iommu_tally.js";
import { type HardwareUnit, type MachineUnit, machineUnits } from "./machine_units.js";
import type { ReachedPage } from "./reach_log.js";
import { type Begins, TlbWork, UnitWork } from "./unit_work.js";

export type IommuDescription = NonNullable<MachineDescription["iommu"]>;

/** Caches of a unit that only runs: larger than those in which a search finds what it looks for. */
const caches = { devices: 8, spaces: 8, tables: 16, translations: 64 };

/** How a device answers when it is told to forget translations. */
const answering = {
  "in time": { begins: "at once", manners: "answers" },
  late: { begins: "late", manners: "answers" },
  twice: { begins: "at once", manners: "twice" },
  wrong: { begins: "at once", manners: "lies" },
  never: { begins: "never", manners: "never" },
} as const satisfies Readonly<Record<DeviceAnswers, { readonly begins: Begins; readonly manners: Manners }>>;

/** Registers of a unit from outside. */
export interface RegistersSeen {
  readonly kind: MachineUnit["registersAt"]["kind"];
  readonly base: number;
  readonly words: readonly (readonly [offset: number, word: number])[];
}

/** Who wants to know of every command and every request. */
export interface IommuWatch {
  /** @param title what the command is, in the vendor's words */
  posted(command: Uint32Array, title: string): void;
  /** @param steps entries of page tables that lead there now, whether or not the unit had to read them */
  resolved(request: DmaRequest, result: Resolution, steps: readonly TraceStep[]): void;
}

/** What of a device decides how it is attached. */
export interface DeviceTraits {
  /** It has a TLB of its own. */
  readonly ats: boolean;
  readonly untrusted: boolean;
  /** How it answers when that is to forget. */
  readonly answers: DeviceAnswers;
}

/** The IOMMU of a machine as those see it who run the machine and report it, whoever keeps its tables. */
export interface MachineIommu {
  watch: IommuWatch | null;
  readonly port: DmaPort;
  /** What happens by itself. */
  readonly actors: readonly Actor[];
  /** Its registers as they stand, and where in physical memory. */
  readonly registers: RegistersSeen;
  /** What it was asked and told so far. */
  readonly counts: IommuCounts;
  /** Has whoever keeps the unit taken a device from its driver? */
  isTakenAway(requester: number): boolean;
  /** The machine address that a device's bus address leads to by the tables; -1: none. */
  behind(bdf: string, bus: number): number;
  /** Give back what its structures took. */
  close(): void;
}

/** What a kernel has of the unit that it drives: the machine's own, or one that its host gives it. */
export interface KernelUnit {
  watch: IommuWatch | null;
  readonly kind: Pick<MachineUnit, "reserved" | "passesWithTlb">;
  readonly driver: UnitDriver;
  readonly tally: IommuTally;
  readonly port: DmaPort;
  readonly registers: RegistersSeen;
  readonly faultHandler: Actor;
  /** It is to be told of what is mapped, not only of what goes. */
  readonly tellsOfMaps: boolean;
  /** A device is about to be attached. */
  add(device: AttachedDevice): void;
  /** The machine's byte behind one of the kernel's physical addresses; -1: none. */
  behind(phys: number): number;
}

export interface DrivenUnitOptions {
  /** What the unit is, and its driver. Default: as the description's kind says. */
  readonly parts?: Pick<MachineUnit, "build" | "drive">;
  readonly machine: MachineDescription;
  readonly described: IommuDescription;
  readonly memory: Memory;
  /** Whose tables domains have, where a unit has both. */
  readonly stage: "first" | "second";
  readonly allocate: UnitPorts["allocate"];
  /** Translations that a device keeps. */
  readonly tlbEntries: number;
  /** Entries of page tables that lead a request to its page now. */
  readonly entriesFor: (request: DmaRequest) => readonly TraceStep[];
  /** Told of each request to the unit. */
  readonly resolved?: (request: DmaRequest, result: Resolution) => void;
  /** Told of each page that a device reaches, and of what led there. @param asked the page of its bus address; null: untold */
  readonly reached?: (page: Pick<ReachedPage, "requester" | "frame" | "write" | "by">, asked: number | null) => void;
}

export class DrivenUnit implements KernelUnit {
  watch: IommuWatch | null = null;
  readonly kind: MachineUnit;
  readonly tellsOfMaps = false;
  readonly hardware: HardwareUnit;
  readonly driver: UnitDriver;
  readonly tally: IommuTally;
  readonly port: DmaPort;
  /** The handler of its faults. */
  readonly faultHandler: Actor;
  readonly state = new MachineState();
  /** Told when the unit sends `completionMessage`. */
  completed: () => void = () => undefined;
  readonly completionMessage = { address: 0xfee0_0000, data: 0x31 };
  /** TLBs of devices, by requester. */
  readonly tlbs = new Map<number, TlbWork>();
  readonly #ports = new Map<number, DmaPort>();
  readonly #tlbEntries: number;
  readonly #ats: (tlb: DeviceTlb) => DmaPort;

  constructor(o: DrivenUnitOptions) {
    const { machine, described, memory, stage, allocate, entriesFor, reached } = o;
    this.#tlbEntries = o.tlbEntries;
    this.kind = machineUnits[described.kind];
    const { build, drive } = o.parts ?? this.kind;
    this.tally = new IommuTally(this.kind);
    const { fetchBits } = described;
    let faultPending = false;
    this.hardware = build({
      ...{ state: this.state, memory, caches, ...(fetchBits === undefined ? {} : { fetchBits }) },
      messages: {
        send: (_, data) => {
          if (data === this.completionMessage.data) this.completed();
          else faultPending = true;
        },
      },
      deviceTlb: (requester) => this.tlbs.get(requester) ?? null,
    });
    const work = new UnitWork(this.hardware, () => this.tlbs.values());
    this.driver = drive({
      ports: { memory, registers: this.hardware.registers, allocate, spin: (until) => work.spin(until) },
      stage,
      lastRequester: Math.max(0, ...machine.devices.map((d) => requesterOf(d.bdf) ?? 0)),
      posted: (command) => {
        this.tally.posted(command);
        this.watch?.posted(command, this.tally.titleOf(command));
      },
    });
    const resolved = (r: DmaRequest, result: Resolution) => {
      this.tally.resolved(r, result);
      o.resolved?.(r, result);
      this.watch?.resolved(r, result, entriesFor(r));
      if (result.outcome !== Outcome.passes || r.type === AddressType.translationRequest) return;
      const { requester, write } = r;
      if (r.type === AddressType.translated) reached?.({ requester, write, frame: r.frame, by: "device TLB" }, null);
      else reached?.({ requester, write, frame: result.frame, by: result.fromCache ? "IOTLB" : "tables" }, r.frame);
    };
    const [transaction] = this.hardware.transactions;
    const way = { memory, transaction: transaction!, pick: drawn(machine.seed), resolved };
    const plain = new TranslatingPort(way);
    this.port = new EachItsOwn((requester) => this.#ports.get(requester) ?? plain);
    this.#ats = (tlb) => new AtsPort({ ...way, tlb });
    this.faultHandler = {
      name: "IOMMU fault handler",
      choices: () => (faultPending ? 1 : 0),
      step: () => {
        faultPending = false;
        this.tally.recorded(this.driver.takeFaults().length);
      },
      label: () => "take faults",
    };
  }

  get registers(): RegistersSeen {
    return { ...this.kind.registersAt, words: this.hardware.registers.words };
  }

  add({ requester, ats }: AttachedDevice): void {
    if (ats) this.addTlb(requester);
  }

  behind(phys: number): number {
    return phys;
  }

  /** A device has a TLB of its own from now on. */
  addTlb(requester: number, answers: DeviceAnswers = "in time"): void {
    const { begins, manners } = answering[answers];
    const tlb = new DeviceTlb({
      ...{ state: this.state, requester, sink: this.hardware, entries: this.#tlbEntries, manners },
    });
    const lies = () => this.tally.answeredWrong(requester);
    this.tlbs.set(requester, new TlbWork(tlb, begins, manners === "lies" ? lies : undefined));
    this.#ports.set(requester, this.#ats(tlb));
  }

  /** The unit's queue and the devices, where they work beside those who asked, and not only while one waits. */
  get workers(): readonly Actor[] {
    const { queue } = this.hardware;
    const ofQueue: Actor = {
      name: "IOMMU queue",
      choices: () => (queue.choices() > 0 ? 1 : 0),
      step: () => queue.step(0),
      label: () => "carry on",
    };
    return [
      ofQueue,
      ...[...this.tlbs].map(([requester, work]) =>
        oneWay(`device TLB ${requester.toString(16)}`, { ready: () => work.choices() > 0, step: () => work.step() }),
      ),
    ];
  }
}

/** Devices with a TLB have a way of their own to the bus. */
class EachItsOwn implements DmaPort {
  readonly #of: (requester: number) => DmaPort;

  constructor(of: (requester: number) => DmaPort) {
    this.#of = of;
  }

  read(requester: number, address: number, into: Uint8Array): DmaOutcome {
    return this.#of(requester).read(requester, address, into);
  }

  write(requester: number, address: number, from: Uint8Array): DmaOutcome {
    return this.#of(requester).write(requester, address, from);
  }
}

/** The byte address of a page that a request asks for by its bus address; null: it names memory itself. */
export const askedAddress = ({ frame, type }: DmaRequest): number | null =>
  type === AddressType.translated ? null : frame * frameBytes;
