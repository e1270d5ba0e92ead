/**
 * QEMU's `edu` device as a DMA master: it moves bytes between its 4 KiB buffer and a bus address when virtual time
 * passes. Source: QEMU's docs/specs/edu.rst.
 */
import type { Qtest } from "./qtest.js";

/** Registers in BAR 0, bytes. */
const source = 0x80;
const destination = 0x88;
const count = 0x90;
const command = 0x98;
/** Where the device's buffer lies in its own space. */
const buffer = 0x40000;
const run = 1;
const toMemory = 2;
/** Virtual time after which a transfer is done. */
const transferNs = 100_000_000;

/** Bytes of a transfer, unless it says otherwise. */
const wordBytes = 8;

export interface Edu {
  readonly bar: number;
  /** Bus, device and function as the unit sees them. */
  readonly requester: number;
}

/** One transfer: `read` brings bytes from a bus address into the buffer, otherwise they go there from it. */
export interface Transfer {
  readonly edu: Edu;
  readonly address: bigint;
  readonly read: boolean;
  /** Of the device's buffer, in bytes from its begin; default 0. */
  readonly at?: number;
  /** Default 8. */
  readonly bytes?: number;
}

/** Run transfers of different devices at once, and wait until all are done. */
export async function transfer(qtest: Qtest, transfers: readonly Transfer[]): Promise<void> {
  if (transfers.length === 0) return;
  await qtest.send(starting(qtest, transfers));
  const ask = transfers.map(({ edu }) => asking(edu));
  while ((await qtest.send(ask)).some(isRunning));
}

/** Commands by which transfers begin, and end where time is stepped. */
export function starting(qtest: Qtest, transfers: readonly Transfer[]): string[] {
  const commands = transfers.flatMap(({ edu: { bar }, address, read, at = 0, bytes = wordBytes }) => {
    const bus = `0x${address.toString(16)}`;
    const own = `0x${(buffer + at).toString(16)}`;
    return [
      `writeq 0x${(bar + count).toString(16)} 0x${bytes.toString(16)}`,
      `writeq 0x${(bar + source).toString(16)} ${read ? bus : own}`,
      `writeq 0x${(bar + destination).toString(16)} ${read ? own : bus}`,
      `writeq 0x${(bar + command).toString(16)} 0x${(read ? run : run | toMemory).toString(16)}`,
    ];
  });
  return qtest.steps ? [...commands, `clock_step ${transferNs}`] : commands;
}

/** The command that asks whether a transfer is under way, and what its answer says. */
export const asking = ({ bar }: Edu): string => `readq 0x${(bar + command).toString(16)}`;
export const isRunning = (answer: string): boolean => (Number(answer) & run) !== 0;

/** QEMU's machines differ in how configuration space is reached. */
export interface ConfigSpace {
  /** @returns the command that writes 32 bits at a register of a device. */
  write(requester: number, register: number, value: number): string[];
}

/** Mechanism 1. Source: PCI Local Bus 3.0, 3.2.2.3.2. */
export const portConfig: ConfigSpace = {
  write(requester, register, value) {
    const select = 0x8000_0000 + requester * 256 + register;
    return [`outl 0xcf8 0x${select.toString(16)}`, `outl 0xcfc 0x${value.toString(16)}`];
  },
};

/** Memory-mapped. Source: PCI Express 7.2.2. */
export function mappedConfig(base: number): ConfigSpace {
  return {
    write(requester, register, value) {
      return [`writel 0x${(base + requester * 4096 + register).toString(16)} 0x${value.toString(16)}`];
    },
  };
}

/**
 * Place the devices in memory space and let them be masters: those on bus 0, and those behind a root port.
 * @param window where devices' registers may lie
 */
export async function placeEdus(
  qtest: Qtest,
  config: ConfigSpace,
  window: number,
  requesters: readonly number[],
  port: { requester: number; bus: number },
): Promise<Edu[]> {
  const edus = requesters.map((requester, n) => ({ bar: window + n * barBytes, requester }));
  const behind = edus.filter((e) => e.requester >>> 8 === port.bus);
  // With none behind it, a window that ends before it begins.
  const first = (behind[0]?.bar ?? window + 0x1000_0000) >>> 16;
  const last = (behind.at(-1)?.bar ?? window) >>> 16;
  await qtest.send([
    ...config.write(port.requester, 0x18, (port.bus << 16) | (port.bus << 8) | (port.requester >>> 8)),
    ...config.write(port.requester, 0x20, (((last & 0xfff0) << 16) | (first & 0xfff0)) >>> 0),
    ...config.write(port.requester, 0x04, 6),
    ...edus.flatMap((e) => [...config.write(e.requester, 0x10, e.bar), ...config.write(e.requester, 0x04, 6)]),
  ]);
  for (const { bar } of edus) {
    const id = await qtest.ask(`readl 0x${bar.toString(16)}`);
    if (id !== 0x010000edn) throw new Error(`no edu answers at 0x${bar.toString(16)} but 0x${id.toString(16)}`);
  }
  return edus;
}

/** Size of an edu's register window. */
const barBytes = 0x10_0000;
