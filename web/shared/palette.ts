/**
 * Colours of devices: distinct for the common forms of colour blindness, and apart from the red of failures. A device
 * is always named beside its colour too.
 *
 * Source of the hues: Okabe and Ito, "Color Universal Design", 2008; lightened for a dark ground.
 */
export interface Palette {
  /** For the devices that matter most, in that order. */
  readonly devices: readonly string[];
  readonly others: string;
  readonly unknown: string;
  readonly free: string;
  /** Memory that is there and that nobody reaches. */
  readonly held: string;
  /** What charts stand on. */
  readonly ground: string;
  readonly grid: string;
  readonly text: string;
  readonly faint: string;
  readonly accent: string;
  readonly accentArea: string;
  readonly accentBand: string;
  readonly failure: string;
}

export const light: Palette = {
  devices: ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#7f6000", "#5e4fa2"],
  others: "#7a828e",
  unknown: "#b0b6bf",
  free: "#eef1f5",
  held: "#e4e9ef",
  ground: "#ffffff",
  grid: "#dfe4ea",
  text: "#1c2430",
  faint: "#5b6675",
  accent: "#0b5cad",
  accentArea: "rgba(11, 92, 173, 0.16)",
  accentBand: "rgba(11, 92, 173, 0.38)",
  failure: "#c81e1e",
};

export const dark: Palette = {
  devices: ["#4aa3e0", "#f0b030", "#2fc295", "#e497c4", "#9bd4f7", "#c6a24a", "#a99aeb"],
  others: "#8d96a3",
  unknown: "#5c6673",
  free: "#1b222c",
  held: "#273140",
  ground: "#151b24",
  grid: "#2a333f",
  text: "#e6ebf2",
  faint: "#98a4b3",
  accent: "#6cb2f5",
  accentArea: "rgba(108, 178, 245, 0.18)",
  accentBand: "rgba(108, 178, 245, 0.42)",
  failure: "#ff6b66",
};

/** "#0072b2" as the 32-bit number that a canvas' pixel has in memory, little endian: 0xAABBGGRR. */
export function pixelOf(colour: string): number {
  const rgb = Number.parseInt(colour.slice(1), 16);
  return ((255 << 24) | ((rgb & 255) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0;
}
