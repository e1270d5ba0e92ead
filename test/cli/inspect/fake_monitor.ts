/** A monitor as QEMU has one, of a guest that is nothing but a file of memory. Source: QEMU's docs/interop/qmp-spec.rst. */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { createServer } from "node:net";

export interface FakeMonitor {
  /** Commands that change the guest, as they came. */
  readonly told: string[];
  close(): void;
}

/** @param socket where it listens; @param ram the guest's memory, from address 0 on */
export async function fakeMonitor(socket: string, ram: string): Promise<FakeMonitor> {
  const { size } = statSync(ram);
  const told: string[] = [];
  const monitor = (line: string): string => {
    if (line === "info mtree -f") {
      const last = (size - 1).toString(16).padStart(16, "0");
      return `FlatView #0\n AS "memory", root: system\n 0000000000000000-${last} (prio 0, ram): m0\n`;
    }
    if (line === "info pci")
      return "  Bus  0, device   3, function 0:\n    Ethernet controller: PCI device 8086:10d3\n";
    const at = line.split(" ").at(-1)!;
    return `${at}: 0x${word(ram, Number(at)).toString(16).padStart(16, "0")}\n`;
  };
  const answer = (command: string, line: string): unknown => {
    if (command === "query-status") return { running: true, status: "running" };
    if (command === "query-memdev") return [{ id: "m0", size, share: true }];
    if (command === "qom-get") return ram;
    return command === "human-monitor-command" ? monitor(line) : {};
  };
  const server = createServer((client) => {
    client.on("error", () => {});
    client.write('{"QMP": {"version": {}, "capabilities": []}}\n');
    client.on("data", (data) => {
      for (const line of data.toString().split("\n").filter(Boolean)) {
        const { execute, arguments: args, id } = JSON.parse(line);
        if (execute === "stop" || execute === "cont") told.push(execute);
        client.write(`${JSON.stringify({ return: answer(execute, args?.["command-line"]), id })}\n`);
      }
    });
  }).listen(socket);
  await new Promise((resolve) => server.once("listening", resolve));
  return { told, close: () => void server.close() };
}

function word(path: string, at: number): bigint {
  const bytes = Buffer.alloc(8);
  const fd = openSync(path, "r");
  readSync(fd, bytes, 0, 8, at);
  closeSync(fd);
  return bytes.readBigUInt64LE();
}
