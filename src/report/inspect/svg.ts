/** One walk as a picture that prints: SVG with text as text. Source of the format: W3C SVG 1.1. */
import type { WalkAnswer } from "../../audit/inspect/walk/walk_answer.js";
import { type AddressPart, type WalkBox, type WalkPicture, walkPicture } from "./walk_boxes.js";

/** Pixels. Characters of the fixed-width font are taken to be 0.62 of its size wide, which no common one exceeds. */
const width = 840;
const margin = 20;
const inset = 14;
const lineHeight = 17;
const gap = 30;
const fontSize = 12.5;
const charWidth = fontSize * 0.62;
/** Second-stage entries of a nested walk stand further in. */
const indent = 40;
const mono = "ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace";

/** Okabe and Ito's colours, one for each table that the address goes through; dark enough for text on white. */
const hues = ["#0072b2", "#a35200", "#00755a", "#9c3f77", "#6b5200", "#5e4fa2"] as const;
const ink = "#1c2430";
const faint = "#5b6675";
const good = "#1a7f4b";
const bad = "#b81414";

/** @returns an SVG document. Nothing in it is fetched or run, and no text of an image can leave its place. */
export function walkSvg(walk: WalkAnswer): string {
  const picture = walkPicture(walk);
  const nested = picture.boxes.some((b) => b.stage === "first") && picture.boxes.some((b) => b.stage === "second");
  const hueOf = new Map(picture.parts.filter((p) => p.box >= 0).map((p, i) => [p.box, hues[i % hues.length]!]));
  const body: string[] = [text(margin, 34, picture.title, { size: 18, weight: 700 })];
  let y = 52;
  if (picture.parts.length > 0) {
    body.push(...addressBar(picture.parts, y, hueOf));
    y += 58;
  }
  let before: number | null = null;
  for (const [i, box] of picture.boxes.entries()) {
    const left = margin + (nested && box.stage === "second" ? indent : 0);
    if (before !== null) body.push(...arrow(margin + indent + 20, before, y, box.chosenBy));
    const drawn = boxParts(box, left, y, hueOf.get(i) ?? null);
    body.push(...drawn.parts);
    before = y + drawn.height;
    y = before + gap;
  }
  if (before !== null) body.push(...arrow(margin + indent + 20, before, y, null));
  const end = endParts(picture, y);
  body.push(...end.parts);
  const height = Math.ceil(y + end.height + margin);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="${mono}" font-size="${fontSize}">`,
    `<title>${escaped(picture.title)}</title>`,
    `<desc>${escaped(picture.end.lines.join(". "))}</desc>`,
    `<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" fill="${faint}"/></marker></defs>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...body,
    "</svg>",
    "",
  ].join("\n");
}

/** The device's address from its highest bits to the offset, each part in the colour of the entry it chose. */
function addressBar(parts: readonly AddressPart[], y: number, hueOf: ReadonlyMap<number, string>): string[] {
  const cell = (width - 2 * margin) / parts.length;
  return parts.flatMap(({ bits, value, box }, i) => {
    const x = margin + i * cell;
    const hue = hueOf.get(box) ?? faint;
    const middle = x + (cell - 4) / 2;
    return [
      `<rect x="${x.toFixed(1)}" y="${y}" width="${(cell - 4).toFixed(1)}" height="38" rx="5" fill="${hue}"/>`,
      text(middle, y + 16, value, { fill: "#ffffff", weight: 700, anchor: "middle" }),
      text(middle, y + 31, box < 0 ? `offset ${bits}` : `bits ${bits}`, {
        ...{ fill: "#ffffff", size: 11, anchor: "middle" },
      }),
    ];
  });
}

function boxParts(box: WalkBox, x: number, y: number, hue: string | null): { parts: string[]; height: number } {
  const inner = width - margin - x;
  const room = Math.floor((inner - 2 * inset - 8) / charWidth);
  const lines: { words: string; fill: string; weight?: number }[] = [];
  for (const words of wrapped(`${box.name} at ${box.at}`, room)) lines.push({ words, fill: hue ?? ink, weight: 700 });
  for (const words of wrapped(box.value, room)) lines.push({ words, fill: ink });
  for (const field of box.fields) {
    for (const words of wrapped(`${field.text}  ${field.doc}`, room)) lines.push({ words, fill: faint });
  }
  for (const words of wrapped(`→ ${box.meaning}`, room)) lines.push({ words, fill: ink });
  const height = lines.length * lineHeight + 14;
  return {
    parts: [
      `<rect x="${x}" y="${y}" width="${inner}" height="${height}" rx="6" fill="#ffffff" stroke="#b4bdc8"/>`,
      `<rect x="${x}" y="${y}" width="6" height="${height}" rx="3" fill="${hue ?? "#b4bdc8"}"/>`,
      ...lines.map(({ words, fill, weight }, i) =>
        text(x + inset + 4, y + 20 + i * lineHeight, words, { fill, ...(weight === undefined ? {} : { weight }) }),
      ),
    ],
    height,
  };
}

function arrow(x: number, from: number, to: number, words: string | null): string[] {
  return [
    `<path d="M${x} ${from + 2}V${to - 2}" stroke="${faint}" stroke-width="1.5" fill="none" marker-end="url(#tip)"/>`,
    ...(words === null ? [] : [text(x + 12, (from + to) / 2 + 4, words, { fill: faint, size: 11.5 })]),
  ];
}

function endParts({ end }: WalkPicture, y: number): { parts: string[]; height: number } {
  const hue = end.fault ? bad : good;
  const lines = end.lines.flatMap((line) =>
    wrapped(line, Math.floor((width - 2 * margin - 2 * inset - 24) / charWidth)),
  );
  const height = lines.length * lineHeight + 16;
  return {
    parts: [
      `<rect x="${margin}" y="${y}" width="${width - 2 * margin}" height="${height}" rx="6" fill="${end.fault ? "#fdf1f1" : "#f0f8f3"}" stroke="${hue}" stroke-width="2"/>`,
      text(margin + inset, y + 21, end.fault ? "✗" : "✓", { fill: hue, weight: 700 }),
      ...lines.map((line, i) =>
        text(margin + inset + 20, y + 21 + i * lineHeight, line, { fill: hue, ...(i === 0 ? { weight: 700 } : {}) }),
      ),
    ],
    height,
  };
}

interface TextStyle {
  readonly fill?: string;
  readonly size?: number;
  readonly weight?: number;
  readonly anchor?: string;
}

function text(x: number, y: number, words: string, { fill = ink, size, weight, anchor }: TextStyle = {}): string {
  const more = [
    ...(size === undefined ? [] : [` font-size="${size}"`]),
    ...(weight === undefined ? [] : [` font-weight="${weight}"`]),
    ...(anchor === undefined ? [] : [` text-anchor="${anchor}"`]),
  ].join("");
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" fill="${fill}"${more} xml:space="preserve">${escaped(words)}</text>`;
}

/** Lines of at most so many characters, broken at spaces where there are some. */
function wrapped(words: string, room: number): string[] {
  const lines: string[] = [];
  let rest = words;
  while (rest.length > room) {
    const space = rest.lastIndexOf(" ", room);
    const end = space > room / 3 ? space : room;
    lines.push(rest.slice(0, end));
    rest = `  ${rest.slice(end).trimStart()}`;
  }
  return [...lines, rest];
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Also without the characters that XML 1.0 does not have (section 2.2). */
function escaped(raw: string): string {
  const allowed = [...raw].map((c) => (isCharacter(c.codePointAt(0)!) ? c : "\ufffd")).join("");
  return allowed.replace(/[&<>"]/g, (c) => entities[c]!);
}

const isCharacter = (c: number): boolean =>
  c === 9 || (c >= 0x20 && c < 0x7f) || (c >= 0xa0 && c <= 0xd7ff) || (c >= 0xe000 && c <= 0xfffd) || c > 0xffff;
