/** The page's own answers, for every true mapping of the bundled images: the same that the recordings state. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { parseDeviceAddress } from "../../../src/audit/inspect/device_name.js";
import { walkAnswer } from "../../../src/audit/inspect/walk/walk_device.js";
import { inspectPage } from "../../../src/report/inspect/html_data.js";
import { captures, inspected, truthOf } from "../../audit/inspect/captured.js";
import { pageOf } from "./page_modules.js";
import { reportOf } from "./sample_inspection.js";

afterEach(() => vi.unstubAllGlobals());
const perms = ["--", "r-", "-w", "rw"];

describe.each(captures)("%s", async (name) => {
  const found = await inspected(name);
  const { mappings } = truthOf(name);

  test("each mapped page leads to its memory, and back, and its entries are those that the unit reads", async () => {
    const data = inspectPage(reportOf(found.inspection), found.image);
    const { whoReaches, whereLeads, walkTree } = await pageOf(data);
    for (const m of mappings) {
      const requester = data.devices.find((d) => d.name === m.bdf)!.requester;
      const address = BigInt(m.iova);
      const asked = { kind: "at", segment: 0, requester, isStream: false, pasid: m.pasid, address };
      const { devices } = whereLeads(asked);
      expect(devices).toHaveLength(1);
      const { device, way } = devices[0]!;
      expect([way?.paddr, perms[way!.allow]]).toEqual([m.paddr / 4096, m.perm]);
      const back = whoReaches(m.paddr / 4096).ways.find((w) => w.device === device && w.iova === m.iova / 4096);
      expect(back?.allow).toBe(way!.allow);
      const walks = data.devices[device]!.roots.map((r) => walkTree(data.tables.roots[r]!, address)).filter(
        (w) => w.length > 0,
      );
      expect(walks).toHaveLength(1);
      const last = walks[0]!.at(-1)!;
      expect([last.entry?.lead, Number(last.entry?.target)]).toEqual([
        -1,
        m.paddr - (m.iova % 2 ** last.entry!.sizeLg2),
      ]);
    }
  });

  test("the tree's entries are those of the walk", async () => {
    const data = inspectPage(reportOf(found.inspection), found.image);
    const { walkTree } = await pageOf(data);
    for (const m of mappings.filter((_, i) => i % 97 === 0)) {
      const text = `${m.bdf}${m.pasid === null || m.pasid === 0 ? "" : `/${m.pasid}`}:0x${m.iova.toString(16)}`;
      const walk = walkAnswer(found, parseDeviceAddress(text)).steps.filter((s) => s.stage !== "device");
      const device = data.devices.find((d) => d.name === m.bdf && d.pasid === m.pasid)!;
      expect(walk.length).toBeGreaterThan(1);
      const tree = device.roots.map((r) => walkTree(data.tables.roots[r]!, BigInt(m.iova))).find((w) => w.length > 0)!;
      expect(tree.map((e) => [e.name, Number(e.node.address) + e.index * 8, e.entry!.value])).toEqual(
        walk.map((s) => [s.name, s.at, BigInt(s.words[0]!) + (BigInt(s.words[1]!) << 32n)]),
      );
    }
  });

  test("a page that no table maps is reached by nobody", async () => {
    const { whoReaches } = await pageOf(inspectPage(reportOf(found.inspection), found.image));
    const mapped = new Set(
      mappings.flatMap((m) => Array.from({ length: m.bytes / 4096 }, (_, i) => m.paddr / 4096 + i)),
    );
    for (let page = 0, asked = 0; asked < 200; page += 331) {
      if (mapped.has(page)) continue;
      asked++;
      expect(whoReaches(page).ways).toEqual([]);
    }
  });
});
