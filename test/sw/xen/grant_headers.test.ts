/** Every header that an entry can have, for every way to use it: who is let in, what shows of it, and what is left. */
import { describe, expect, test } from "vitest";
import { GrantFlag, GrantType } from "../../../src/spec/xen/grant_entry.js";
import { CopyFlag, GrantStatus, MapFlag } from "../../../src/spec/xen/grant_op.js";
import { statusAddress } from "../../../src/sw/xen/grant/entry.js";
import { copyGrantSteps, leftovers, mapGrantSteps, setVersion, unmapGrants } from "../../../src/sw/xen/index.js";
import { entryOf, machine } from "./machine.js";

type M = ReturnType<typeof machine>;
const { host, device, readOnly } = MapFlag;
const { reading, writing } = GrantFlag;
const { okay, generalError } = GrantStatus;
const use = reading | writing;
const empty = 2000;

function start(version: 1 | 2): M {
  const m = machine({ frames: 512, pages: 64, guestPages: 64, guests: 2, deviceTable: true });
  if (version === 2) setVersion(m.h, m.d, 2);
  return m;
}

interface Way {
  readonly what: string;
  readonly write: boolean;
  readonly map: boolean;
}
const ways: readonly Way[] = [
  { what: "map to read", write: false, map: true },
  { what: "map to write", write: true, map: true },
  { what: "copy from", write: false, map: false },
  { what: "copy to", write: true, map: false },
];

function steps(m: M, way: Way, ref: number, own: number) {
  const granted = { domain: 1, at: ref, offset: 8 };
  const mine = { domain: 0, at: own, offset: 16 };
  if (way.map)
    return mapGrantSteps(m.h, m.d0, { flags: host | (way.write ? 0 : readOnly), domain: 1, ref, page: empty });
  const ends = way.write ? { source: mine, dest: granted } : { source: granted, dest: mine };
  return copyGrantSteps(m.h, m.d0, { ...ends, length: 4, flags: way.write ? CopyFlag.destRef : CopyFlag.sourceRef });
}

const shown = (m: M, ref: number) =>
  m.d.grants.version === 1 ? entryOf(m.h, m.d, ref).get(0) & use : m.h.memory.load16(statusAddress(m.d, ref));

/** What the granter wrote, use bits aside. */
const said = (m: M, ref: number) => entryOf(m.h, m.d, ref).get(0) & ~(m.d.grants.version === 1 ? use : 0);

const types = Object.entries(GrantType);
const pinnings = ["nobody", "a reader", "a writer", "a device that writes"] as const;

describe.each([1, 2] as const)("version %i", (version) => {
  test("whom an entry lets in", () => {
    const m = start(version);
    const frame = m.d.map.frameOf(m.kernel.allocPages(0)!);
    const own = m.d0.map.frameOf(m.back.allocPages(0)!);
    const got: string[] = [];
    const wanted: string[] = [];
    for (const way of ways)
      for (const pinned of pinnings)
        for (const [type, code] of types)
          for (const ro of [false, true])
            for (const part of [false, true])
              for (const to of [0, 2]) {
                const entry = entryOf(m.h, m.d, 20);
                entry.set(version, frame);
                if (version === 2) entry.set(1, 0x1000_0000);
                entry.set(0, GrantType.permitAccess);
                const flags = {
                  nobody: 0,
                  "a reader": host | readOnly,
                  "a writer": host,
                  "a device that writes": device,
                };
                const held = [];
                if (pinned !== "nobody") {
                  const map = mapGrantSteps(m.h, m.d0, { flags: flags[pinned], domain: 1, ref: 20, page: empty + 1 });
                  let step = map.next();
                  while (step.done !== true) step = map.next();
                  held.push(step.value);
                }
                const before = shown(m, 20);
                const header = code | (ro ? GrantFlag.readOnly : 0) | (part ? GrantFlag.subPage : 0) | (to << 16);
                entry.set(0, header | (version === 1 ? before : 0));
                const running = steps(m, way, 20, own);
                let step = running.next();
                while (step.done !== true) step = running.next();
                const status = typeof step.value === "number" ? step.value : step.value.status;
                const what = `${way.what}, held by ${pinned}: ${type} ${ro} ${part} ${to}`;
                got.push(`${what}: ${status === okay} ${shown(m, 20)} ${said(m, 20)}`);
                const bits = (writes: boolean) => reading | (writes ? writing : 0);
                const heldBits = pinned === "nobody" ? 0 : bits(pinned !== "a reader");
                const whole = type === "permitAccess" && to === 0 && !(way.map && part);
                const known = pinned !== "nobody" && (!way.write || heldBits === bits(true));
                const may = (pinned !== "nobody" || whole) && (known || !(way.write && ro));
                const after = may && way.map ? heldBits | bits(way.write) : heldBits;
                wanted.push(`${what}: ${may} ${after} ${header}`);
                const mapped = typeof step.value === "number" || status !== okay ? [] : [step.value];
                const back = [
                  ...mapped.map((r) => ({ handle: r.handle, page: empty, bus: 0 })),
                  ...held.map((r) =>
                    pinned === "a device that writes"
                      ? { handle: r.handle, page: -1, bus: r.bus }
                      : { handle: r.handle, page: empty + 1, bus: 0 },
                  ),
                ];
                const statuses = unmapGrants(m.h, m.d0, back);
                const { active, readers, entered } = m.d.grants;
                got.push(`${before} ${statuses.join()} ${shown(m, 20)} ${active.size} ${readers} ${entered.size}`);
                wanted.push(`${heldBits} ${back.map(() => okay).join()} 0 0 0 0`);
              }
    expect(got).toEqual(wanted);
    expect(leftovers(m.h, m.gate)).toEqual([]);
  });

  test("an entry that changes while it is taken", () => {
    const changes: readonly (readonly [string, (header: number) => number, still: (way: Way) => boolean])[] = [
      ["not", (h) => h, () => true],
      ["taken back", (h) => h & ~3, () => false],
      ["read-only", (h) => h | GrantFlag.readOnly, (way) => !way.write],
      ["another's", (h) => h + 0x2_0000, () => false],
      ["a part", (h) => h | GrantFlag.subPage, (way) => !way.map],
      ["a cache attribute", (h) => h | 32, () => true],
      ["a transfer", (h) => (h & ~3) | GrantType.acceptTransfer, () => false],
    ];
    const places = version === 1 ? ["the entry was read"] : ["the entry was read", "the status was written"];
    const [got, wanted]: [string[], string[]] = [[], []];
    for (const way of ways)
      for (const pinned of way.write ? [false, true] : [false])
        for (const place of places)
          for (const [what, change, still] of changes) {
            const m = start(version);
            const own = m.d0.map.frameOf(m.back.allocPages(0)!);
            const ref = m.grants.grant(0, m.grants.allocShared()!, false);
            if (pinned) {
              const map = mapGrantSteps(m.h, m.d0, { flags: host | readOnly, domain: 1, ref, page: empty + 1 });
              while (map.next().done !== true);
            }
            const entry = entryOf(m.h, m.d, ref);
            // A part that is the whole page: what is asked for lies inside.
            if (version === 2) entry.set(1, 0x1000_0000);
            const running = steps(m, way, ref, own);
            while (running.next().value !== place);
            entry.set(0, change(entry.get(0)));
            let step = running.next();
            while (step.done !== true) step = running.next();
            const status = typeof step.value === "number" ? step.value : step.value.status;
            const name = `${way.what}, ${pinned ? "held" : "free"}, ${place}: ${what}`;
            got.push(`${name}: ${status} ${shown(m, ref)} ${m.d.grants.active.has(ref)} ${m.gate.violationCount}`);
            const may = pinned ? what !== "read-only" : still(way);
            const bits = may && way.map ? reading | (way.write ? writing : 0) : 0;
            const left = bits | (pinned ? reading : 0);
            wanted.push(`${name}: ${may ? okay : generalError} ${left} ${left !== 0} 0`);
          }
    expect(got).toEqual(wanted);
  });
});
