/** Files that hold memory in forms that are not read here, so that a message can say what they are. */
import { hexDigits } from "../../base/hex.js";
import type { ByteSource } from "../bytes.js";

const forms: readonly (readonly [magic: string, what: string])[] = [
  ["PAGEDU64", "a Windows crash dump"],
  ["PAGEDUMP", "a Windows crash dump"],
  ["MDMP", "a Windows minidump"],
  ["DISKDUMP", "a diskdump of Linux 2.4 or 2.6"],
  ["LibvirtQemudSave", "a saved state of libvirt (take it with `virsh dump --memory-only`)"],
  ["QEVM", "a saved state of QEMU (take it with `dump-guest-memory`)"],
  ["AVML", "a compressed image of AVML (`avml-convert` makes it LiME)"],
  ["QFI\xfb", "a qcow2 disk image"],
  ["\xd2\xbe\xd2\xbe", "a saved state of VMware (the memory is in the .vmem file, which is raw)"],
  ["\xd0\xbe\xd2\xbe", "a saved state of VMware (the memory is in the .vmem file, which is raw)"],
  ["\xd1\xba\xd1\xba", "a saved state of VMware (the memory is in the .vmem file, which is raw)"],
  ["\x1f\x8b", "gzip data"],
  ["\x28\xb5\x2f\xfd", "zstd data"],
];

/** @returns what the file is known to be, or its first bytes. */
export function foreignForm(source: ByteSource): string {
  const bytes = new Uint8Array(16);
  const held = source.read(0, bytes);
  if (held === 0) return "an empty file";
  const text = String.fromCharCode(...bytes.subarray(0, held));
  for (const [magic, what] of forms) if (text.startsWith(magic)) return what;
  return `bytes ${Array.from(bytes.subarray(0, Math.min(8, held)), (b) => hexDigits(b, 2)).join(" ")}`;
}
