/** The guest's only programs: a busybox and a script that loads drivers, makes load and, when told, stops the world. */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { type CpioFile, cpio } from "./cpio.js";
import type { Module } from "./modules.js";

/** What the guest prints when its devices are busy. */
export const busyLine = "GUEST-IS-BUSY";

/**
 * Reads and writes on every disk, transfers over the network, all at once and without end. Two seconds later,
 * unless the console is told `run`, the kernel panics: nothing can change a mapping from then on, and with ftrace_dump_on_oops
 * it prints its trace, so that memory and trace stop at the same event.
 */
const init = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t debugfs debug /sys/kernel/debug 2>/dev/null
for m in $(cat /modules/order); do insmod /modules/$m.ko; done
sleep 1
for g in /sys/kernel/iommu_groups/*; do
  echo "GROUP $(basename $g) $(cat $g/type) $(ls $g/devices | tr '\\n' ' ')"
done
for d in /sys/block/nvme* /sys/block/sd* /sys/block/vd*; do
  [ -e $d ] || continue
  n=$(basename $d)
  while :; do dd if=/dev/$n of=/dev/null bs=64k count=8 iflag=direct; usleep 50000; done 2>/dev/null &
  while :; do dd if=/dev/zero of=/dev/$n bs=16k seek=64 count=8 oflag=direct; usleep 50000; done 2>/dev/null &
  while :; do dd if=/dev/$n of=/dev/null bs=4k count=8 iflag=direct skip=4096; usleep 50000; done 2>/dev/null &
done
for i in $(ls /sys/class/net | grep -v lo); do ifconfig $i 10.0.2.15 netmask 255.255.255.0 up; break; done
while :; do ping -c 100 -s 3000 -i 0.1 10.0.2.2; sleep 1; done >/dev/null 2>&1 &
while :; do tftp -g -r load -l /dev/null -b 1428 10.0.2.2; sleep 0.2; done >/dev/null 2>&1 &
sleep 1
echo ${busyLine}
read -t 2 answer
[ "$answer" = run ] && while :; do sleep 1000; done
echo c > /proc/sysrq-trigger
sleep 1000
`;

/** @param busybox bytes of a static busybox for the guest's processor */
export function initramfs(busyboxPath: string, modules: readonly Module[]): Uint8Array {
  const text = (path: string, mode: number, body: string): CpioFile => ({ path, mode, bytes: Buffer.from(body) });
  const folders = ["bin", "proc", "sys", "dev", "modules"];
  return gzipSync(
    cpio([
      ...folders.map((path) => ({ path, mode: 0o040755, bytes: new Uint8Array() })),
      { path: "dev/console", mode: 0o020600, bytes: new Uint8Array(), device: [5, 1] },
      { path: "bin/busybox", mode: 0o100755, bytes: readFileSync(busyboxPath) },
      text("init", 0o100755, init),
      text("modules/order", 0o100644, modules.map((m) => m.name).join("\n")),
      ...modules.map((m) => ({ path: `modules/${m.name}.ko`, mode: 0o100644, bytes: m.bytes })),
    ]),
    { level: 1 },
  );
}
