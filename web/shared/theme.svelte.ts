/** Light or dark: as the system prefers, or as was chosen on the page. */
import { dark, light, type Palette } from "./palette.js";

const prefersDark = matchMedia("(prefers-color-scheme: dark)");

class Theme {
  /** null = as the system prefers. */
  chosen = $state<"light" | "dark" | null>(null);
  #system = $state(prefersDark.matches);

  constructor() {
    prefersDark.addEventListener("change", (event) => {
      this.#system = event.matches;
    });
  }

  get isDark(): boolean {
    return this.chosen === null ? this.#system : this.chosen === "dark";
  }

  get palette(): Palette {
    return this.isDark ? dark : light;
  }

  toggle(): void {
    this.chosen = this.isDark ? "light" : "dark";
    document.documentElement.dataset["theme"] = this.chosen;
  }
}

export const theme = new Theme();
