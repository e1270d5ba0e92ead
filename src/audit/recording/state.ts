/** What the parts of the recording audit share. */

import { hex } from "../../base/hex.js";
import type { Names } from "../../read/names.js";
import { bytesExactly } from "../words/quantity.js";
import { Bounces } from "./bounces.js";
import { Exposure } from "./exposure.js";
import { Faults } from "./faults.js";
import { Gone } from "./gone.js";
import { type Ends, kindNames, LiveMappings, MappingKind, Reach } from "./mappings.js";
import { Pending } from "./pending.js";
import { Population } from "./population.js";
import type { Recorded } from "./recorded.js";
import type { Unjudged } from "./result.js";
import { type RuleName, rules } from "./rules.js";
import { Violations } from "./violations.js";
import { Waiting } from "./waiting.js";
import { directionName, seconds } from "./words.js";

/**
 * How long an explaining event may take. The releasing CPU has only to write its event, but may be interrupted, or
 * (in a guest) be stopped by its host, in between.
 */
export const windowMicroseconds = 10_000;

/** Of a class whose bus addresses were given out again this often, ends are missing from the recording. */
export const reusedShare = 0.1;

export class AuditState {
  readonly devices: Names;
  readonly tasks: Names | null;
  readonly recorded: Recorded;
  readonly #listsBefore = new Map<number, number>();
  readonly live = new LiveMappings();
  readonly gone = new Gone();
  /** The same for lists, by their first physical address; `size` holds the number of entries. */
  readonly goneLists = new Gone();
  readonly population = new Population();
  readonly violations = new Violations();
  readonly waiting = new Waiting();
  readonly pending = new Pending();
  readonly faults = new Faults();
  readonly exposure = new Exposure();
  readonly bounces = new Bounces();
  events = 0;
  maps = 0;
  lists = 0;
  allocations = 0;
  unmaps = 0;
  syncs = 0;
  failed = 0;
  before = 0;
  lost = 0;
  /** Mappings not followed because too many were alive. */
  beyond = 0;
  /** Lists whose pieces an IOMMU joined. */
  joined = 0;
  /** Pairs of mappings that devices may write and that begin in one cache line. */
  sharedLines = 0;
  /** Mappings in no class because there were too many classes. */
  unclassed = 0;
  /** Time of the last loss of events, microseconds; what spans it proves nothing. */
  lostAt = Number.NEGATIVE_INFINITY;
  /** A CPU whose events stop while those of others go on. */
  stopped: { readonly cpu: number; readonly time: number } | null = null;
  /** Mappings of each device that were seen to begin and not to end. */
  readonly #mapped: number[] = [];
  /** Broken rules that rely on mappings being recorded, after that, by device. */
  readonly #unfounded = new Map<number, number>();
  /** The recording shows an IOMMU at work. */
  iommu = false;

  constructor(devices: Names, tasks: Names | null, recorded: Recorded) {
    this.devices = devices;
    this.tasks = tasks;
    this.recorded = recorded;
  }

  deviceName(device: number): string {
    return device < 0 ? "unknown device" : this.devices.name(device);
  }

  /** An unmapped list that was mapped before the recording: its size, and so its class, is not known. */
  listBefore(device: number, direction: number): void {
    const key = device * 256 + direction;
    this.#listsBefore.set(key, (this.#listsBefore.get(key) ?? 0) + 1);
  }

  /** How many such lists of the device and direction were unmapped. */
  listsBefore(device: number, direction: number): number {
    return this.#listsBefore.get(device * 256 + direction) ?? 0;
  }

  /**
   * How many mappings of the device were seen to begin after a time, and not to end. Direct ones are left out: some kernels write
   * no event at their end (dma_need_unmap), and no domain's tables hold them.
   */
  mapped(device: number, since: number): number {
    if ((this.#mapped[device + 1] ?? 0) === 0) return 0;
    const { live } = this;
    let count = 0;
    for (const m of live) {
      const isNextInList = live.kind[m] === MappingKind.list && live.entries[m] === 0;
      if (live.device[m] === device && live.time[m]! > since && live.reach[m] !== Reach.direct && !isNextInList)
        count++;
    }
    return count;
  }

  /** Count a broken rule. @param words is called only while words are kept. */
  broken(rule: RuleName, device: number, time: number, words: () => string): void {
    if (this.stopped !== null && time > this.stopped.time && rules[rule].relies === "maps") {
      this.#unfounded.set(device, (this.#unfounded.get(device) ?? 0) + 1);
      return;
    }
    if (this.violations.count(rule, device)) this.violations.keep(rule, device, time, words());
  }

  unfoundedWords(): Unjudged[] {
    if (this.stopped === null || this.#unfounded.size === 0) return [];
    const { cpu, time } = this.stopped;
    const all = [...this.#unfounded.values()].reduce((a, b) => a + b, 0);
    const devices = [...this.#unfounded.keys()].map((device) => this.deviceName(device));
    const what = `${all} × something unmapped or synced that was not seen mapped`;
    return [{ devices, what, why: `No event of CPU ${cpu} is after ${seconds(time)}, while those of others go on` }];
  }

  /** What is known at `time` of ends, for telling which mapping one is of. */
  ends(time: number): Ends {
    return { settled: time - windowMicroseconds, lostAt: this.lostAt };
  }

  /**
   * The end of a mapping was read: what was mapped over it, long before now, was mapped over a live one.
   * @param sure whether the end can be no other mapping's
   */
  endShows(m: number, sure: boolean): void {
    const { live, pending } = this;
    const older = pending.take(m, live.serial[m]!);
    if (older === null || !sure || live.time[m]! <= this.lostAt) return;
    for (const { rule, device, time, words } of older.first) {
      if (rule === "overlap-cache-line") this.sharedLines++;
      else this.broken(rule, device, time, () => words);
    }
    for (const [rule, { device, count }] of older.more) {
      if (rule === "overlap-cache-line") this.sharedLines += count;
      else this.violations.count(rule, device, count);
    }
  }

  /** The recording is over: a mapping whose end would have been recorded is alive, and so was what it was mapped over. */
  overAtTheEnd(): void {
    const { live, recorded, population } = this;
    const reused = new Int32Array(population.count);
    for (const m of live)
      if (live.reused[m] === 1 && live.group[m]! !== -1) reused[live.group[m]!]! += 1 + live.again[m]!;
    for (const [m, serial, time] of this.pending.rest()) {
      if (live.serial[m]! !== serial || live.reused[m] === 1 || live.again[m]! > 0) continue;
      // Its device's ends must have gone on being recorded.
      if (!(recorded.lastEnd(live.device[m]!) > time + windowMicroseconds)) continue;
      const group = live.group[m]!;
      if (group !== -1 && reused[group]! > 0 && reused[group]! >= population.alive[group]! * reusedShare) continue;
      const missing = recorded.endsMissing(live.device[m]!, live.kind[m] as MappingKind, live.reach[m] as Reach);
      if (missing === null) this.endShows(m, true);
    }
  }

  /** A mapping begins to live: put it into its class. */
  born(m: number, size: number, time: number): void {
    const { live, population } = this;
    const group = population.classOf(live.device[m]!, live.kind[m]!, size, live.direction[m]!, live.attrs[m]!);
    live.group[m] = group;
    const of = live.device[m]! + 1;
    this.#mapped[of] = (this.#mapped[of] ?? 0) + 1;
    if (group === -1) this.unclassed++;
    else population.change(group, 1, time);
  }

  /** It ends: out of its class, out of the exposure; the caller removes it from `live`. */
  ended(m: number, time: number): void {
    const group = this.live.group[m]!;
    this.#mapped[this.live.device[m]! + 1]!--;
    if (group !== -1) this.population.change(group, -1, time);
  }

  /** "FROM_DEVICE single mapping of 4096 bytes at 0xbef2000 (physical 0x3f9b000), mapped at 6.949675 s". */
  describe(m: number): string {
    const { live } = this;
    const phys = live.phys[m]!,
      dma = live.dma[m]!;
    const part = live.kind[m] === MappingKind.list ? "list entry" : kindNames[live.kind[m]!]!;
    const where = !Number.isNaN(dma) ? ` at ${hex(dma)}` : "",
      physical = !Number.isNaN(phys) ? ` (physical ${hex(phys)})` : "";
    return (
      `${directionName(live.direction[m]!)} ${part} of ` +
      `${bytesExactly(live.size[m]!)}${where}${physical} of ${this.deviceName(live.device[m]!)}, mapped at ` +
      `${seconds(live.time[m]!)}`
    );
  }
}
