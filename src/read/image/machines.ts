/** Names of machines. Source: the ELF machine registry (gABI, e_machine); `uname -m` of Linux. */

const byElf: Readonly<Record<number, string>> = {
  3: "x86",
  8: "mips",
  20: "ppc",
  21: "ppc64",
  22: "s390x",
  40: "arm",
  43: "sparc64",
  50: "ia64",
  62: "x86-64",
  183: "aarch64",
  243: "riscv",
  258: "loongarch",
};

/** @returns the name of an ELF `e_machine`; null for one that is not known here. */
export function machineOfElf(machine: number): string | null {
  return byElf[machine] ?? null;
}

const byUname: readonly (readonly [RegExp, string])[] = [
  [/^x86_64/, "x86-64"],
  [/^i[3-6]86/, "x86"],
  [/^(aarch64|arm64)/, "aarch64"],
  [/^arm/, "arm"],
  [/^riscv/, "riscv"],
  [/^loongarch/, "loongarch"],
];

/** @returns the name of what `uname -m` prints: the same names as `machineOfElf`, or the text itself; null for "". */
export function machineOfUname(text: string): string | null {
  for (const [form, name] of byUname) if (form.test(text)) return name;
  return text === "" ? null : text;
}
