/** QEMU's unit against the library: the same tables, the same accesses, data and fault records compared. */
import { Rng } from "../../src/base/rng.js";
import type { UnitRoot } from "../../src/table/device/index.js";
import { Alternative } from "./alternative.js";
import { type Edu, type Transfer, transfer } from "./edu.js";
import type { KnownFaults } from "./known_faults.js";
import type { UnderTest } from "./machines.js";
import { type Outcome, predict, reaches } from "./predict.js";
import type { Qtest } from "./qtest.js";
import { dataAt, dataBytes, resultsAt, TestMemory } from "./test_memory.js";
import type { SeenFault, UnitDriver, UnitRules } from "./unit_driver.js";

export interface Probe {
  readonly edu: number;
  readonly address: bigint;
  readonly write: boolean;
  readonly outcome: Outcome;
  /** The device reaches the page of results: what it reads is seen. */
  readonly sees: boolean;
}

/** What QEMU did with one probe. */
export interface Seen {
  readonly faults: readonly SeenFault[];
  /** What the device read, or what lay where the write should have ended; null when it was not looked at. */
  readonly data: bigint | null;
  /** What it should be, if the library is right; null for memory that is not RAM. */
  readonly right: bigint | null;
}

export interface Judged extends Probe {
  readonly requester: number;
  readonly seen: Seen;
}

export interface Verdict {
  /** DMAs whose translation was compared. */
  compared: number;
  reached: number;
  faulted: number;
  /** By fault code. */
  readonly codes: Map<number | null, number>;
  /** By name. */
  readonly known: Map<string, number>;
  /** Sentences; the first few. */
  readonly wrong: string[];
  wrongCount: number;
}

export interface Judging {
  readonly machine: UnderTest;
  readonly driver: UnitDriver;
  readonly seed: number;
  readonly translations: number;
  /** Stop after so many milliseconds, whatever was reached. */
  readonly patienceMs: number;
  /** Name of a known fault of QEMU that explains a difference; null when none does. */
  readonly known: KnownFaults;
  /** Is told of every world and its probes; records them. */
  readonly watch?: (memory: TestMemory, unit: UnitRoot, probes: readonly Judged[]) => void;
}

const probesPerWorld = 400;

export async function judge({
  machine,
  driver,
  seed,
  translations,
  patienceMs,
  known,
  watch,
}: Judging): Promise<Verdict> {
  const { qtest, edus } = machine;
  const rng = new Rng(seed);
  const memory = new TestMemory(machine.ramBase);
  memory.copyData(qtest);
  const verdict: Verdict = {
    ...{ compared: 0, reached: 0, faulted: 0, wrongCount: 0, wrong: [] },
    ...{ codes: new Map(), known: new Map() },
  };
  const end = Date.now() + patienceMs;
  while (verdict.compared < translations && Date.now() < end) {
    memory.clear();
    const requesters = edus.map((e) => e.requester);
    const { unit, worth } = driver.build(memory, rng, requesters);
    memory.copyTables(qtest);
    await qtest.send(driver.load(unit));
    await driver.faults(qtest);
    const done: Judged[] = [];
    for (const batch of batches(probes(memory, unit, driver, rng, edus, worth), driver.faultRoom)) {
      await qtest.send(driver.forget());
      const seen = await run(qtest, memory, driver, edus, batch);
      for (const [n, probe] of batch.entries()) {
        const access = { ...probe, requester: edus[probe.edu]!.requester };
        const explain = () => known(access, seen[n]!, new Alternative(driver, memory, unit, access, seen[n]!));
        weigh(verdict, driver, edus[probe.edu]!, probe, seen[n]!, explain);
        // A write that QEMU let pass where we do not has changed data somewhere.
        if (probe.write && differs(driver, edus[probe.edu]!.requester, probe, seen[n]!) !== null)
          memory.copyData(qtest);
        done.push({ ...probe, requester: edus[probe.edu]!.requester, seen: seen[n]! });
      }
    }
    watch?.(memory, unit, done);
  }
  return verdict;
}

/** Addresses that x86 machines treat as interrupt messages before any table is read. */
const isMessage = (address: bigint) => address >= 0xfee00000n && address < 0xfef00000n;

function probes(
  memory: TestMemory,
  unit: UnitRoot,
  driver: UnitDriver,
  rng: Rng,
  edus: readonly Edu[],
  worth: ReadonlyMap<number, readonly bigint[]>,
): Probe[] {
  const list: Probe[] = [];
  for (let n = 0; n < probesPerWorld; n++) {
    const edu = rng.below(edus.length);
    const { requester } = edus[edu]!;
    const address = BigInt.asUintN(64, anAddress(rng, worth.get(requester) ?? [], driver.inputBits));
    const write = rng.below(3) === 0;
    if (isMessage(address)) continue;
    const access = { requester, address, write };
    const outcome = predict(memory, unit, driver.codes, access);
    // What lies beyond RAM may be a register; what lies outside the data is needed whole.
    const offset = reaches(outcome) ? outcome.reaches - memory.base : 0;
    if (write && reaches(outcome) && (offset < dataAt || offset >= dataAt + dataBytes)) continue;
    if (reaches(outcome) && offset >= resultsAt && offset < resultsAt + 0x10000) continue;
    // Below the tables a machine keeps what only it knows: a device tree, firmware.
    if (reaches(outcome) && offset >= 0 && offset < lowest) continue;
    if (readsOwnWork(memory, outcome)) continue;
    // What a device reads is seen only where it still reaches the page of results.
    const sees = seesResults(memory, unit, driver, requester);
    if (!sees && (reaches(outcome) || !driver.recordsFaults)) continue;
    if (write && !reaches(outcome) && !driver.recordsFaults) continue;
    list.push({ edu, address, write, outcome, sees });
  }
  return list;
}

/** Offset into RAM of what the library is told of. */
const lowest = 16 * 2 ** 20;

/**
 * A spoiled pointer may lead below the tables: to the page of results, the unit's queues or a PC's video memory and
 * firmware, whose bytes only the machine knows.
 */
function readsOwnWork(memory: TestMemory, outcome: Outcome): boolean {
  const steps = reaches(outcome) ? [] : (outcome.walk?.steps ?? []);
  const end = memory.base + lowest;
  return steps.some(({ at }) => at >= memory.base && at < end);
}

function seesResults(memory: TestMemory, unit: UnitRoot, { codes }: UnitDriver, requester: number): boolean {
  const results = memory.base + resultsAt;
  return [false, true].every((write) => {
    const outcome = predict(memory, unit, codes, { requester, address: BigInt(results), write });
    return reaches(outcome) && outcome.reaches === results;
  });
}

function anAddress(rng: Rng, worth: readonly bigint[], inputBits: number): bigint {
  const random = () => ((BigInt(rng.below(2 ** 32)) << 32n) | BigInt(rng.below(2 ** 32))) & ~7n;
  const kind = rng.below(20);
  if (kind < 16 && worth.length > 0) return worth[rng.below(worth.length)]!;
  if (kind < 18) return random() & ((1n << BigInt(inputBits)) - 1n);
  if (kind < 19 && worth.length > 0) return worth[rng.below(worth.length)]! ^ (1n << BigInt(12 + rng.below(52)));
  return random();
}

/** Probes of different devices to different places, which can run at once: no more faults than the unit has room for. */
function* batches(list: readonly Probe[], faultRoom: number): Generator<Probe[]> {
  const waiting = [...list];
  while (waiting.length > 0) {
    const batch: Probe[] = [];
    const busy = new Set<number>();
    const targets = new Set<number>();
    let faults = 0;
    for (let n = 0; n < waiting.length && n < 64; ) {
      const probe = waiting[n]!;
      const faulty = !reaches(probe.outcome);
      const target = reaches(probe.outcome) ? probe.outcome.reaches : -1;
      if (busy.has(probe.edu) || targets.has(target) || (faulty && faults === faultRoom)) n++;
      else {
        batch.push(probe);
        busy.add(probe.edu);
        if (target >= 0) targets.add(target);
        if (faulty) faults++;
        waiting.splice(n, 1);
      }
    }
    yield batch;
  }
}

const slot = (edu: number) => resultsAt + edu * 16;
const pattern = (edu: number, n: number) => 0xa5a5_0000_0000_0000n | (BigInt(edu) << 32n) | BigInt(n);
let stamp = 0;

/** Read probes: from the address, then to the page of results. Write probes: from that page, then to the address. */
async function run(
  qtest: Qtest,
  memory: TestMemory,
  driver: UnitDriver,
  edus: readonly Edu[],
  batch: readonly Probe[],
): Promise<Seen[]> {
  const results = new BigUint64Array(16);
  stamp = (stamp + 1) % 2 ** 31;
  for (const { edu } of batch) results[edu * 2 + 1] = pattern(edu, stamp);
  qtest.writeRam(memory.base + resultsAt, new Uint8Array(results.buffer));
  const own = (edu: number, second: number) => BigInt(memory.base + slot(edu) + second * 8);
  const first: Transfer[] = [];
  const last: Transfer[] = [];
  for (const { edu: n, address, write, outcome } of batch) {
    const edu = edus[n]!;
    if (!write) first.push({ edu, address, read: true });
    else if (reaches(outcome)) first.push({ edu, address: own(n, 1), read: true });
    if (write) last.push({ edu, address, read: false });
    else if (reaches(outcome) || !driver.recordsFaults) last.push({ edu, address: own(n, 0), read: false });
  }
  await transfer(qtest, first);
  await transfer(qtest, last);
  const faults = await driver.faults(qtest);
  qtest.readRam(memory.base + resultsAt, new Uint8Array(results.buffer));
  return batch.map(({ edu, write, outcome }) => {
    const mine = faults.filter((f) => f.requester === edus[edu]!.requester);
    if (!reaches(outcome)) {
      return { faults: mine, data: driver.recordsFaults ? null : results[edu * 2]!, right: null };
    }
    const index = memory.index(outcome.reaches);
    if (!write) return { faults: mine, data: results[edu * 2]!, right: held(memory, index) };
    const word = new BigUint64Array(1);
    qtest.readRam(outcome.reaches, new Uint8Array(word.buffer));
    const data = word[0]!;
    qtest.writeRam(outcome.reaches, new Uint8Array(memory.words.slice(index, index + 2).buffer));
    return { faults: mine, data, right: pattern(edu, stamp) };
  });
}

/** The 8 bytes at an index of the memory's words; null outside. */
export function held({ words }: TestMemory, index: number): bigint | null {
  return index < 0 ? null : (BigInt(words[index + 1]!) << 32n) | BigInt(words[index]!);
}

function weigh(
  verdict: Verdict,
  driver: UnitDriver,
  edu: Edu,
  probe: Probe,
  seen: Seen,
  explain: () => string | null,
): void {
  verdict.compared++;
  const difference = differs(driver, edu.requester, probe, seen);
  const { outcome } = probe;
  if (reaches(outcome)) verdict.reached++;
  else {
    verdict.faulted++;
    verdict.codes.set(outcome.code, (verdict.codes.get(outcome.code) ?? 0) + 1);
  }
  if (difference === null) return;
  const name = explain();
  if (name !== null) verdict.known.set(name, (verdict.known.get(name) ?? 0) + 1);
  else {
    verdict.wrongCount++;
    if (verdict.wrong.length < 20) verdict.wrong.push(`${difference}; ${entriesOf(outcome)}`);
  }
}

/** Entries on the way, in hexadecimal. */
const entriesOf = (outcome: Outcome) =>
  [...outcome.entries, ...stepsOf(outcome)]
    .map((e) => `${e.about.title} ${[...e.words].map((w) => w.toString(16)).join(" ")}`)
    .join("; ");

const stepsOf = (outcome: Outcome) => (reaches(outcome) ? [] : (outcome.walk?.steps ?? []));

/** @returns how QEMU and the library differ, as a sentence; null when they agree. */
export function differs(rules: UnitRules, requester: number, probe: Probe, seen: Seen): string | null {
  const { address, write, outcome } = probe;
  const what = `${write ? "write" : "read"} at 0x${address.toString(16)} by 0x${requester.toString(16)}`;
  const faults = seen.faults.map((f) => `0x${f.code.toString(16)} at 0x${f.address?.toString(16)}`).join(", ");
  if (!reaches(outcome) && !rules.recordsFaults) {
    const brought = `we say a fault (${outcome.why}), QEMU brings 0x${seen.data?.toString(16)}`;
    return seen.data === 0n ? null : `${what}: ${brought}`;
  }
  if (reaches(outcome)) {
    const to = `0x${outcome.reaches.toString(16)}`;
    if (seen.faults.length > 0 && rules.recordsFaults) return `${what}: we reach ${to}, QEMU faults: ${faults}`;
    return seen.right === null || seen.data === seen.right
      ? null
      : `${what}: we reach ${to}, QEMU's data is 0x${seen.data?.toString(16)}`;
  }
  const ours = outcome.code === null ? "silence" : `0x${outcome.code.toString(16)}`;
  if (outcome.code === null) return seen.faults.length === 0 ? null : `${what}: we say ${ours}, QEMU ${faults}`;
  if (seen.faults.length === 0) return `${what}: we say ${ours} (${outcome.why}), QEMU records nothing`;
  if (seen.faults.some((f) => f.code !== outcome.code)) {
    return `${what}: we say ${ours} (${outcome.why}), QEMU ${faults}`;
  }
  const low = BigInt(rules.addressLg2);
  const same = (f: SeenFault) =>
    (f.address === null || f.address >> low === address >> low) && (f.write === null || f.write === write);
  if (seen.faults.every(same)) return null;
  return `${what}: the code is the same, ${ours}, but QEMU records ${faults}`;
}
