/**
 * The kernel's allocator beside the recording: what it would give at each moment, against what was given.
 *
 * Mappings that no event names are somebody's all the same. Where one domain alone would have given the address now, it is
 * that domain's; else it waits until a domain would give an address that it covers: then it is clear whose it was.
 */
import { frameBytes } from "../../../base/frame.js";
import { type IovaDomain, IovaDomains, type IovaMachine } from "./iova_domains.js";
import { IovaKind, type IovaOf, type IovaOperation, type IovaSink } from "./iova_operation.js";

export interface IovaMismatch {
  readonly time: number;
  readonly device: number;
  readonly bytes: number;
  readonly of: IovaOf;
  readonly kernel: number;
  /** null: the model had no room. */
  readonly model: number | null;
  /** What is not recorded and may be otherwise than the model has it; null where that is not known. */
  readonly why: string | null;
}

export interface IovaOutcome {
  /** Addresses that events of the DMA API show, and those of them that the model chose. */
  readonly compared: number;
  readonly equal: number;
  /** The same by what was given them. */
  readonly of: Readonly<Record<NonNullable<IovaOf>, { readonly compared: number; readonly equal: number }>>;
  /** Those of devices whose domains are older than the recording: what was in use is not known. */
  readonly older: number;
  /** Mappings that no event names, and how many of them found their domain. */
  readonly unnamed: { readonly count: number; readonly found: number };
  readonly mismatches: readonly IovaMismatch[];
  /** Why none is compared; null where some are. */
  readonly note: string | null;
}

/** An unnamed mapping. */
interface Unnamed {
  readonly iova: number;
  readonly first: number;
  readonly frames: number;
  domain: IovaDomain | null;
  /** By what it was unmapped while its domain was not known: a magazine of that domain has it. */
  ended: IovaOperation | null;
}

/** Of those of unknown domain that were unmapped, so many are kept. */
const endedMax = 256;

/** All a device reaches: masks are not recorded, and 4 GiB are tried first. */
const reach = 2 ** 48 - 1;
const mismatchesMax = 20;
const triesMax = 8;

export class IovaModel implements IovaSink {
  readonly #domains: IovaDomains;
  readonly #isLazy: boolean;
  /** Unnamed mappings that live, by their address: domains may have the same. */
  readonly #unnamed = new Map<number, Unnamed[]>();
  readonly #ownerless: Unnamed[] = [];
  /** Those of them that were unmapped since, the oldest first. */
  readonly #ended: Unnamed[] = [];
  /** How many unnamed mappings were found to be of a domain. */
  readonly #users = new Map<IovaDomain, number>();
  /** Devices whose domain began in the recording, and whether they were given an address since. */
  readonly #attached = new Map<number, boolean>();
  #older = 0;
  readonly #of = {
    single: { compared: 0, equal: 0 },
    list: { compared: 0, equal: 0 },
    coherent: { compared: 0, equal: 0 },
  };
  #unnamedCount = 0;
  #unnamedFound = 0;
  readonly #mismatches: IovaMismatch[] = [];

  constructor(machine: IovaMachine, name: (device: number) => string) {
    this.#domains = new IovaDomains(machine, name);
    this.#isLazy = machine.isLazy;
  }

  operation(op: IovaOperation): void {
    if (op.kind === IovaKind.attached) {
      this.#attach(op.device);
      return;
    }
    if (op.device >= 0 && !this.#attached.has(op.device)) {
      if (op.kind === IovaKind.alloc) this.#older++;
      return;
    }
    switch (op.kind) {
      case IovaKind.alloc:
        this.#alloc(op);
        break;
      case IovaKind.free:
        this.#free(this.#domains.of(op.device), op);
        break;
      case IovaKind.mapped:
        this.#mapped(op);
        break;
      case IovaKind.unmapped:
        this.#unmapped(op);
        break;
      case IovaKind.flushed:
        this.#flushed(this.#domains.of(op.device), op.cpu);
        break;
    }
  }

  /** By a CPU whose ring is full it was for that one; else it was the timer's, for all. */
  #flushed({ queue }: IovaDomain, cpu: number): void {
    if (!this.#isLazy) return;
    if (queue.isFull(cpu)) queue.flush();
    else queue.timedOut(cpu);
  }

  finish(): IovaOutcome {
    const { single, list, coherent } = this.#of;
    const compared = single.compared + list.compared + coherent.compared;
    const equal = single.equal + list.equal + coherent.equal;
    return {
      ...{ compared, equal, of: this.#of },
      older: this.#older,
      unnamed: { count: this.#unnamedCount, found: this.#unnamedFound },
      mismatches: this.#mismatches,
      note: compared === 0 && this.#older > 0 ? "the domains are older than the recording" : null,
    };
  }

  /** A device that used a domain and is attached again has another one. */
  #attach(device: number): void {
    if (this.#attached.get(device) === true) this.#domains.renew(device);
    this.#attached.set(device, false);
    this.#domains.of(device);
  }

  #alloc(op: IovaOperation): void {
    this.#attached.set(op.device, true);
    const domain = this.#domains.of(op.device);
    const frames = op.bytes / frameBytes;
    const kernel = op.iova / frameBytes;
    const chosen = this.#wouldGive(domain, op.cpu, frames, kernel);
    const counts = this.#of[op.of ?? "single"];
    counts.compared++;
    if (chosen === kernel) {
      counts.equal++;
      domain.space.alloc(op.cpu, frames, reach, true);
      return;
    }
    const why = whyOf(domain.givenBackBy(kernel), op.cpu);
    domain.space.claim(kernel, frames);
    if (this.#mismatches.length < mismatchesMax) {
      const model = chosen < 0 ? null : chosen * frameBytes;
      this.#mismatches.push({
        time: op.time,
        device: op.device,
        bytes: op.bytes,
        of: op.of,
        kernel: op.iova,
        model,
        why,
      });
    }
  }

  /** What the domain would give now, once unnamed mappings that stand in the way are taken for its own. */
  #wouldGive(domain: IovaDomain, cpu: number, frames: number, kernel: number): number {
    let chosen = domain.space.peek(cpu, frames, reach, true);
    for (let tries = 0; chosen !== kernel && tries < triesMax; tries++) {
      const at = this.#ownerless.findLastIndex((u) => u.first < chosen + frames && chosen < u.first + u.frames);
      if (at < 0) break;
      const [unnamed] = this.#ownerless.splice(at, 1);
      if (!domain.space.claim(unnamed!.first, unnamed!.frames)) break;
      this.#found(unnamed!, domain);
      if (unnamed!.ended !== null) this.#free(domain, unnamed!.ended);
      chosen = domain.space.peek(cpu, frames, reach, true);
    }
    return chosen;
  }

  #free(domain: IovaDomain, op: IovaOperation): void {
    const [first, frames] = [op.iova / frameBytes, op.bytes / frameBytes];
    if (this.#isLazy) domain.queue.queue(op.cpu, first, frames);
    else domain.space.free(op.cpu, first, frames);
  }

  #mapped(op: IovaOperation): void {
    const unnamed: Unnamed = {
      iova: op.iova,
      first: op.iova / frameBytes,
      frames: op.bytes / frameBytes,
      domain: null,
      ended: null,
    };
    this.#unnamedCount++;
    const same = this.#unnamed.get(op.iova);
    if (same === undefined) this.#unnamed.set(op.iova, [unnamed]);
    else same.push(unnamed);
    const { first, frames } = unnamed;
    const able = [...this.#domains.all].filter((d) => d.space.peek(op.cpu, frames, reach, true) === first);
    able.sort((a, b) => (this.#users.get(b) ?? 0) - (this.#users.get(a) ?? 0));
    const [likeliest] = able;
    if (likeliest === undefined || (able.length > 1 && !this.#users.has(likeliest))) {
      this.#ownerless.push(unnamed);
      return;
    }
    likeliest.space.alloc(op.cpu, frames, reach, true);
    this.#found(unnamed, likeliest);
  }

  #found(unnamed: Unnamed, domain: IovaDomain): void {
    unnamed.domain = domain;
    this.#unnamedFound++;
    this.#users.set(domain, (this.#users.get(domain) ?? 0) + 1);
  }

  #unmapped(op: IovaOperation): void {
    const same = this.#unnamed.get(op.iova);
    const at = same?.findLastIndex((u) => u.frames * frameBytes === op.bytes) ?? -1;
    if (at < 0) return;
    const [unnamed] = same!.splice(at, 1);
    if (unnamed!.domain !== null) {
      this.#free(unnamed!.domain, op);
      return;
    }
    unnamed!.ended = op;
    this.#ended.push(unnamed!);
    if (this.#ended.length > endedMax) remove(this.#ownerless, this.#ended.shift()!);
  }
}

/** While one CPU flushes and gives back what waits on all, another may give back its own first: which did is not recorded. */
const whyOf = (by: number, cpu: number): string | null =>
  by < 0 || by === cpu
    ? null
    : `CPU ${by} is taken to have given it back after a flush, and CPU ${cpu} may have done so itself`;

function remove<T>(from: T[], item: T): void {
  const at = from.indexOf(item);
  if (at >= 0) from.splice(at, 1);
}
