/** What is in sight, and what is chosen. The span is of events: a machine has no clock. */
import { data, eventsOf } from "./data";

const all = Math.max(1, data.events.length);
/** Fewer events than this are never spread over the whole width. */
const least = Math.min(all, 12);

/** `#dma=12&at=3-40`: a view is a link. */
function fromLink(): { dma: number | null; from: number; to: number } {
  const said = new URLSearchParams(location.hash.slice(1));
  const dma = said.get("dma");
  const [from = 0, to = all] = (said.get("at") ?? "")
    .split("-")
    .filter((t) => t !== "")
    .map(Number);
  const isSpan = Number.isFinite(from) && Number.isFinite(to) && from >= 0 && to <= all && to - from >= least;
  const index = dma === null ? Number.NaN : Number(dma);
  return { dma: data.dmas[index] === undefined ? null : index, ...(isSpan ? { from, to } : { from: 0, to: all }) };
}

class View {
  from = $state(0);
  to = $state(all);
  dma = $state<number | null>(null);
  /** The event under the pointer or the keyboard. */
  event = $state<number | null>(null);
  device = $state<number | null>(null);

  constructor() {
    Object.assign(this, fromLink());
  }

  show(from: number, to: number): void {
    const span = Math.min(all, Math.max(least, to - from));
    this.from = Math.min(all - span, Math.max(0, from));
    this.to = this.from + span;
    this.#link();
  }

  zoom(at: number, by: number): void {
    this.show(at - (at - this.from) * by, at + (this.to - at) * by);
  }

  pan(share: number): void {
    const by = (this.to - this.from) * share;
    this.show(this.from + by, this.to + by);
  }

  reset(): void {
    this.show(0, all);
  }

  /** Choose a DMA; with `into`, its whole life comes into sight. */
  choose(dma: number | null, into = false): void {
    this.dma = dma;
    this.event = null;
    const own = dma === null ? [] : eventsOf[dma]!;
    if (into && own.length > 0) {
      const [first, last] = [data.dmas[dma!]!.begin, own.at(-1)!];
      const edge = Math.max(4, (last - first) * 0.1);
      this.show(first - edge, last + edge);
    } else this.#link();
  }

  /** A link of the page brings a section into sight, and what the address says of the view stays. */
  goTo(e: MouseEvent, section: string): void {
    e.preventDefault();
    document.getElementById(section)!.scrollIntoView();
  }

  #link(): void {
    const said = new URLSearchParams();
    if (this.dma !== null) said.set("dma", String(this.dma));
    if (this.from > 0 || this.to < all) said.set("at", `${Math.round(this.from)}-${Math.round(this.to)}`);
    history.replaceState(null, "", said.size > 0 ? `#${said}` : location.pathname + location.search);
  }
}

export const view = new View();
