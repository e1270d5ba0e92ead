/** What all charts of the page share: the span of time in sight, and the cursor. */
export { theme } from "../../shared/theme.svelte.js";

/** Times are microseconds. */
class View {
  #whole = { from: 0, to: 1 };
  from = $state(0);
  to = $state(1);
  /** Where the pointer is in time, null = nowhere. */
  cursor = $state<number | null>(null);

  begin(from: number, to: number): void {
    this.#whole = { from, to };
    this.reset();
  }

  get zoomed(): boolean {
    return this.from > this.#whole.from || this.to < this.#whole.to;
  }

  reset(): void {
    this.from = this.#whole.from;
    this.to = this.#whole.to;
  }

  /** Show a span, kept inside the recording and at least 100 microseconds wide. */
  show(from: number, to: number): void {
    const { from: first, to: last } = this.#whole;
    const width = Math.min(last - first, Math.max(100, to - from));
    const start = Math.min(Math.max(first, from), last - width);
    this.from = start;
    this.to = start + width;
  }

  /** @param factor below 1 zooms in; around the cursor when there is one in sight, else the middle. */
  zoom(factor: number): void {
    const seen = this.cursor !== null && this.cursor >= this.from && this.cursor <= this.to;
    const centre = seen ? this.cursor! : (this.from + this.to) / 2;
    this.show(centre - (centre - this.from) * factor, centre + (this.to - centre) * factor);
  }

  /** @param share of the visible width; negative = towards the beginning. */
  pan(share: number): void {
    const by = (this.to - this.from) * share;
    this.show(this.from + by, this.to + by);
  }

  /** Bring one time into the middle, zoomed to a fiftieth of the recording at most. */
  focus(time: number): void {
    const width = Math.min(this.to - this.from, (this.#whole.to - this.#whole.from) / 50);
    this.show(time - width / 2, time + width / 2);
    this.cursor = time;
  }
}

export const view = new View();
