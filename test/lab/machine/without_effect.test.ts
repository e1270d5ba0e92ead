/** What a description says and its machine has no use for is named in the report, and in the document. */
import { expect, test } from "vitest";
import { describeMachine } from "../../../src/lab/machine/description/description.js";
import { outcomeOf } from "../../../src/lab/machine/outcome.js";
import { runMachine } from "../../../src/lab/machine/run/run_machine.js";
import { machineDocument } from "../../../src/report/machine/machine_document.js";
import { machineLines } from "../../../src/report/machine/machine_lines.js";

function ran(text: string) {
  const o = outcomeOf(runMachine(describeMachine("m.yaml", `${text}\nmemory: 256MiB`)));
  const lines = machineLines(o, { color: false, width: 100 });
  const at = lines.indexOf("Without effect here");
  return {
    o,
    printed:
      at < 0
        ? ""
        : lines
            .slice(at + 1)
            .join("\n")
            .replace(/\s+/g, " "),
  };
}

const device = (more = "") => `devices: [ { bdf: '0000:00:03.0'${more} } ]`;
const iommu = (more = "") => `iommu: { kind: vtd${more} }`;

test.each<[string, string, readonly RegExp[]]>([
  [
    "a policy for pages that nobody gives back",
    `${iommu()}\n${device()}\nxen: { model: vp+iommu, pageLifetime: no-wait, domains: [ { id: 0, memory: 4MiB } ] }`,
    [/^pageLifetime: domain 0, which has the devices, gives no page back/],
  ],
  ["a pool beside an IOMMU", `${iommu()}\n${device()}\nswiotlb: { slots: 1024 }`, [/^swiotlb: .* IOMMU translates/]],
  [
    "a pool that is forced there",
    `${iommu()}\n${device()}\nswiotlb: { mode: force }`,
    [/^swiotlb: .*force or not.*untrusted: true/],
  ],
  [
    "a pool where all memory is reached",
    `${iommu(", policy: pass-through")}\n${device()}\nswiotlb: { slots: 1024 }`,
    [/^swiotlb: .*no device has an engine that bounces/],
  ],
  [
    "a mask of bounces",
    `${iommu()}\n${device(", minAlignMask: 0xfff")}`,
    [/^minAlignMask of 0000:00:03\.0: .*\(iommu\)/],
  ],
  [
    "a TLB of a device that is not trusted",
    `${iommu()}\n${device(", untrusted: true, ats: true")}`,
    [/^ats of 0000:00:03\.0: Linux leaves it off in a device that it does not trust/],
  ],
  ["a TLB of a device that is", `${iommu()}\n${device(", ats: true")}`, []],
  ["pieces of entries", `${iommu(", fetchBits: 64")}\n${device()}`, [/^fetchBits: .*64 bits at a time.*same answers/]],
  ["what is used", `swiotlb: { slots: 1024, mode: force }\n${device(", minAlignMask: 0xfff")}`, []],
  ["a pool that was refused", `swiotlb: { mode: off }\n${device()}`, []],
  [
    "what a device that is not trusted uses",
    `${iommu()}\n${device(", untrusted: true, minAlignMask: 0xfff")}\nswiotlb: { slots: 1024 }`,
    [],
  ],
])("%s", (_, text, says) => {
  const { o, printed } = ran(text);
  expect(o.withoutEffect).toHaveLength(says.length);
  for (const [n, words] of says.entries()) expect(o.withoutEffect[n]).toMatch(words);
  for (const sentence of o.withoutEffect) expect(printed).toContain(sentence);
  const notes = machineDocument(o).audit.notes.filter((n) => n.startsWith("without effect here: "));
  expect(notes.map((n) => n.replace("without effect here: ", ""))).toEqual(o.withoutEffect);
});
