/** Machines with a unit under test and eight `edu` devices: four on bus 0, four functions behind a root port. */
import { spawnSync } from "node:child_process";
import { type Edu, mappedConfig, placeEdus, portConfig } from "./edu.js";
import { Qtest } from "./qtest.js";
import { ramBytes } from "./test_memory.js";

export interface UnderTest {
  readonly qtest: Qtest;
  readonly edus: readonly Edu[];
  /** Physical address of RAM. */
  readonly ramBase: number;
}

const portAt = 4;
const firstPlain = 8;
const busBehind = 5;

/** How many of the eight stand on bus 0. */
type Plain = 4 | 8;

const edus = (plain: Plain) =>
  Array.from({ length: 8 }, (_, n) => {
    const place = n < plain ? `addr=${(firstPlain + n).toString(16)}` : `bus=rp,addr=0.${n - plain},multifunction=on`;
    return ["-device", `edu,${place},dma_mask=0xffffffffffffffff`];
  }).flat();

const requesters = (plain: Plain) =>
  Array.from({ length: 8 }, (_, n) => (n < plain ? (firstPlain + n) << 3 : (busBehind << 8) | (n - plain)));

/** @param unit the `-device` of the unit */
export async function startX86(
  qemu: string,
  unit: string,
  plain: Plain = 4,
  more: readonly string[] = [],
): Promise<UnderTest> {
  const machine = [
    "-machine",
    `q35${timersOff(qemu)}`,
    "-device",
    unit,
    "-device",
    `pcie-root-port,id=rp,addr=${portAt}`,
    ...edus(plain),
    ...more,
  ];
  // The processor stands still: HLT wherever it begins.
  const qtest = await Qtest.start(qemu, machine, { ramBytes, ramBase: 0, idle: new Uint8Array(0x10000).fill(0xf4) });
  const port = { requester: portAt << 3, bus: busBehind };
  return { qtest, ramBase: 0, edus: await placeEdus(qtest, portConfig, 0xe000_0000, requesters(plain), port) };
}

/**
 * Nobody asks for the timers of a PC here, and virtual time, which leaps from one to the next, would need more leaps to that
 * of a transfer: without them one takes a quarter of the time.
 */
function timersOff(qemu: string): string {
  const known = spawnSync(qemu, ["-machine", "q35,help"], { encoding: "utf8" }).stdout;
  return ["hpet", "pit"].flatMap((name) => (known.includes(`  ${name}=`) ? [`,${name}=off`] : [])).join("");
}

/** Does this QEMU's device know a switch? */
export const hasSwitch = (qemu: string, device: string, name: string): boolean =>
  spawnSync(qemu, ["-device", `${device},help`], { encoding: "utf8" }).stdout.includes(`  ${name}=`);

/** Those of a device's switches that this QEMU has, turned on. */
export function switchesOn(qemu: string, device: string, names: readonly string[]): string {
  return names.flatMap((name) => (hasSwitch(qemu, device, name) ? [`,${name}=on`] : [])).join("");
}

const ramBaseVirt = 0x4000_0000;
/** `wfi` and a branch back to it, at the reset vector. */
const idleArm = new Uint8Array(new Uint32Array([0xd503207f, 0x17ffffff]).buffer);

/** @param options of the machine, as `iommu=smmuv3` */
export async function startVirt(qemu: string, options: string, more: readonly string[] = []): Promise<UnderTest> {
  const machine = [
    ...["-machine", `virt,highmem=off,${options}`, "-cpu", "cortex-a57"],
    ...["-device", `pcie-root-port,id=rp,addr=${portAt}`, ...edus(4)],
    ...more,
  ];
  const qtest = await Qtest.start(qemu, machine, { ramBytes, ramBase: ramBaseVirt, idle: idleArm });
  const port = { requester: portAt << 3, bus: busBehind };
  const config = mappedConfig(0x3f00_0000);
  return { qtest, ramBase: ramBaseVirt, edus: await placeEdus(qtest, config, 0x1000_0000, requesters(4), port) };
}
