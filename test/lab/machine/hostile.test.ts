/** A hostile guest writes into rings, grant entries and pages of segments while two others do their work. */
import { expect, test } from "vitest";
import { describeMachine } from "../../../src/lab/machine/description/description.js";
import { isTrouble, outcomeOf } from "../../../src/lab/machine/outcome.js";
import { runMachine } from "../../../src/lab/machine/run/run_machine.js";
import { amount, long } from "../../tier.js";

const writes = amount(3_000, 500_000);
const honest = writes / 25;

const machine = (model: string, persistent: boolean) => `
memory: 1GiB
xen:
  model: ${model}
  domains: [ { id: 0, memory: 256MiB }, { id: 1, memory: 64MiB }, { id: 2, memory: 64MiB }, { id: 3, memory: 64MiB } ]
devices:
  - { bdf: "0000:00:03.0" }
  - { bdf: "0000:00:05.0" }
workload:
  - { program: blkback, from: 1, device: "0000:00:03.0", requests: ${honest}, segments: 40 }
  - { program: blkback, from: 2, device: "0000:00:03.0", requests: ${honest} }
  - { program: netback, from: 1, device: "0000:00:05.0", requests: ${honest}, size: 60..9014 }
  - { program: netback, from: 2, device: "0000:00:05.0", requests: ${honest}, size: 60..9014 }
  - { program: hostile-blk, from: 3, device: "0000:00:03.0", requests: ${writes}, persistent: ${persistent} }
  - { program: hostile-net, from: 3, device: "0000:00:05.0", requests: ${writes} }
`;

test.each([
  ["p2m", false],
  ["p2m, grants stay", true],
  ["vp+hypercall", false],
])(
  "%s: nothing is lost for others, nothing is left over, all is refused with a reason",
  (model, persistent) => {
    const run = runMachine(describeMachine("hostile.yaml", machine(model.split(",")[0]!, persistent)));
    const o = outcomeOf(run);
    expect(o.violations).toEqual([]);
    expect(o.left).toEqual([]);
    for (const p of o.programs.slice(0, 4))
      expect(p).toMatchObject({ ended: honest, failed: 0, wrong: [], refused: 0 });
    expect(isTrouble(o)).toBe(false);
    // The test tests something: the back ends met bad requests of many kinds, and good ones that they carried out.
    const why = new Set(
      run.programs
        .flatMap((p) => p.refusals())
        .map((text) =>
          text
            .replace(/^\d+ × /, "")
            .replace(/\d+/g, "N")
            .slice(0, 28),
        ),
    );
    expect(why.size).toBeGreaterThan(14);
    for (const reason of why) met.add(reason);
    expect(run.log.tally("0000:00:03.0").foreign).toBeGreaterThan(honest);
  },
  900_000,
);

/** Reasons that any of the runs gave. */
const met = new Set<string>();

test("every reason was given", () => {
  expect([...met]).toEqual(expect.arrayContaining([...reasons, ...(long ? rare : [])]));
});

/** Met in a long run only. */
const rare = ["Bad GSO type N.; fatal error", "GSO size must not be zero.; ", "Missing extra info; fatal er"];

const reasons = [
  "Bad packet size: N",
  "Cross page boundary, txp->of",
  "Frontend provided bogus ring",
  "Invalid tx request, slot siz",
  "Malicious frontend using N s",
  "Asked for N slots but exceed",
  "Impossible number of request",
  "Invalid extra type: N; fatal",
  "Too many slots (N) exceeding",
  "N indirect segments; at most",
  "N segments; N to N",
  "a page of segments cannot be",
  "a page that was offered cann",
  "a grant cannot be mapped (st",
  "a grant cannot be reached (s",
  "access to sector N of N",
  "txreq.offset: N, size: N, en",
  "operation N",
  "sectors N to N of a page; N ",
];
