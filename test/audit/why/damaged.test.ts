/** Lines as mails and terminals leave them - blanks doubled, fields gone, ends cut - are read as far as they go. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { explainLine, explainLog } from "../../../src/audit/index.js";
import { amount } from "../../tier.js";

const fault =
  "arm-smmu 1.iommu: Unhandled context fault: fsr=0x402, iova=0xfd7ff000,  fsynr=0x540003, cbfrsynra=0x19c3, cb=10";

test("blanks between the fields of a context fault are no matter", () => {
  const told = (line: string) => explainLine(line).map(({ line: _, ...rest }) => rest);
  expect(told(fault)).toEqual(told(fault.replace(",  ", ", ")));
  expect(told(fault.replace(/, +/g, ",\t "))).toEqual(told(fault.replace(",  ", ", ")));
  expect(told(fault)[0]).toMatchObject({ evidence: expect.stringContaining("0xfd7ff000") });
});

test("a field that is missing is not known, and one that is no number neither", () => {
  const cut = explainLine(fault.replace(/ +fsynr=\w+,/, ""));
  expect(cut[0]).toMatchObject({ evidence: expect.stringContaining("0xfd7ff000") });
  expect(cut[0]!.evidence).not.toMatch(/read|write/);
  expect(() => explainLine(fault.replace("cb=10", "cb=a"))).not.toThrow();
});

/** Lines of the tests beside this one: all that is known to be printed. */
const folders = ["test/audit/why", "test/audit/why/answers", "test/audit/why/faults"];
const lines = folders.flatMap((folder) =>
  readdirSync(folder, { withFileTypes: true })
    .filter((f) => f.isFile())
    .flatMap((f) => readFileSync(`${folder}/${f.name}`, "utf8").split("\n"))
    .filter((text) => /0x|\d{3}/.test(text)),
);

test("no damage to a line is more than its loss", () => {
  const each = amount(3, 1);
  const chosen = lines.filter((_, n) => n % each === 0);
  for (const text of chosen) {
    const words = text.split(" ");
    const at = (text.length * 7) % words.length;
    const damaged = [
      text.replaceAll(" ", "  "),
      text.replaceAll(/0x/g, ""),
      words.filter((_, n) => n !== at).join(" "),
      text.replace(/[\w]+=\w+,? ?/, ""),
      text.slice(0, Math.ceil(text.length / 2)),
      text.slice(0, Math.ceil((text.length * 4) / 5)),
    ];
    expect(() => explainLog(damaged.join("\n")), text).not.toThrow();
    for (const one of damaged) expect(() => explainLine(one), one).not.toThrow();
  }
});
