/**
 * Whole answers, word for word: `answers/*.txt` hold logs, and below each what `why` says of it. A changed answer is a
 * difference to be read; `npx vitest run test/audit/why/answers.test.ts -u` writes it down.
 */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  explainLog,
  explainSetting,
  type Finding,
  type MachineContext,
  nothingKnown,
} from "../../../src/audit/index.js";

const folder = "test/audit/why/answers";

function answer({ kind, device, trouble, time, lastTime, count, line, cause, evidence, do: cure }: Finding): string {
  const span = count === 1 && time === lastTime ? "" : `, ${count} until ${lastTime}`;
  const head = `${trouble ? "✗" : "·"} ${kind}, ${device ?? "no device"}, at ${time}${span}`;
  return [head, `  line: ${line}`, `  cause: ${cause}`, `  evidence: ${evidence}`, `  do: ${cure}`].join("\n");
}

/** A part is a title, perhaps what is known of the machine, the log, and the answers. */
function answered(part: string, isSetting: boolean): string {
  const input = part.split("\n---\n")[0]!.trimEnd();
  const lines = input.split("\n").slice(1);
  const machine = lines[0]?.startsWith("{") ? (JSON.parse(lines.shift()!) as Partial<MachineContext>) : {};
  const known = { ...machine, ...("vfio" in machine && { vfio: new Set(machine.vfio) }) };
  const findings = isSetting
    ? lines.flatMap((setting) => explainSetting(setting, { ...nothingKnown, ...known }))
    : explainLog(lines, known);
  return `=== ${input}\n---\n${findings.map(answer).join("\n") || "nothing"}\n`;
}

test.each(readdirSync(folder))("%s", async (name) => {
  const parts = readFileSync(`${folder}/${name}`, "utf8").split(/^=== /m).slice(1);
  expect(parts.length).toBeGreaterThan(5);
  const text = parts.map((part) => answered(part, name.startsWith("setting"))).join("\n");
  await expect(text).toMatchFileSnapshot(`answers/${name}`);
});

/** What is to be written as it stands has no such words behind it; the kernel's own checks (dma-api) are quoted. */
const bareCount =
  /(?<![\w.,=@-])\d{4,} (?:of |slots?|areas?|bytes?|lines?|messages?|more|further|such|free|in use|each)/;

test.each(readdirSync(folder))("counts in %s are of thousands apart", (name) => {
  const said = readFileSync(`${folder}/${name}`, "utf8").match(
    /^(?:[✗·] (?!dma-api).*\n {2}line: .*|)(?:\n {2}(?:cause|evidence|do): .*)+/gm,
  );
  expect(said!.length).toBeGreaterThan(5);
  expect(said!.flatMap((text) => text.replace(/^.*\n {2}line: .*/, "").match(bareCount)?.[0] ?? [])).toEqual([]);
});
