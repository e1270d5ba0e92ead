/** What the parts of the page share: who is hidden, what is asked for, and where the map should go. */
import { type Asked, addressHex, pageHex, parseAsked } from "./address";
import { nameOf } from "./data";
import { whereLeads } from "./look_up";

/** The physical page that an address of a device leads to, when it leads to one. */
const leadsTo = (asked: Asked & { kind: "at" }): number | null =>
  whereLeads(asked).devices.find((d) => d.way !== null)?.way?.paddr ?? null;

class State {
  /** Reaches that the map leaves out. */
  hidden = $state.raw<ReadonlySet<number>>(new Set());
  /** Text of the search field. */
  query = $state("");
  asked = $state.raw<Asked | null>(null);
  /** Why the search was not understood. */
  complaint = $state("");
  /** Pages that the map shows as chosen. */
  chosen = $state.raw<{ readonly page: number; readonly pages: number } | null>(null);
  /** Counts up when the map is to bring `chosen` into sight. */
  goes = $state(0);
  /** Device whose row is open, and a count that goes up with each request. */
  shown = $state.raw<{ readonly device: number; readonly at: number } | null>(null);

  toggle(reach: number): void {
    const next = new Set(this.hidden);
    if (!next.delete(reach)) next.add(reach);
    this.hidden = next;
  }

  /** Look up what the field holds; an empty field asks for nothing. */
  search(text = this.query): void {
    this.query = text;
    const asked = text.trim() === "" ? null : parseAsked(text);
    this.complaint = typeof asked === "string" ? asked : "";
    this.asked = typeof asked === "string" ? null : asked;
    if (this.asked === null) return;
    const { kind, address } = this.asked;
    const hash = kind === "who" ? `#who=${addressHex(address)}` : `#at=${encodeURIComponent(text.trim())}`;
    if (location.hash !== hash) history.replaceState(null, "", hash);
    const page = this.asked.kind === "who" ? Number(address >> 12n) : leadsTo(this.asked);
    if (page !== null) this.choose(page, 1);
  }

  who(page: number): void {
    this.search(pageHex(page));
  }

  at(device: number, iova: number): void {
    this.search(`${nameOf(device)}:${pageHex(iova)}`);
  }

  /** Mark pages on the map and bring them into sight. */
  choose(page: number, pages: number): void {
    this.chosen = { page, pages };
    this.goes++;
  }

  show(device: number): void {
    this.shown = { device, at: (this.shown?.at ?? 0) + 1 };
  }

  /** `#who=0x5097000` and `#at=00:03.0:0xfffc0000` in the address of the page. */
  fromHash(): boolean {
    const found = /^#(?:who|at)=(.+)$/.exec(location.hash);
    if (found === null) return false;
    let text = found[1]!;
    try {
      text = decodeURIComponent(text);
    } catch {
      // Not encoded: as it stands.
    }
    this.search(text);
    return true;
  }
}

export const state = new State();
