/** A page as one HTML file that needs nothing else: no network, no other file. */

/** A built page (tools/page.ts): one classic script and one style sheet, as they may stand in an HTML file. */
export interface Page {
  readonly script: string;
  readonly style: string;
  /** SHA-256 of the script, in base64. */
  readonly digest: string;
}

export interface PageText {
  readonly title: string;
  /** For a reader without scripts. */
  readonly noscript: string;
  /** What the page reads from the element `data`. */
  readonly data: unknown;
}

/**
 * The policy lets the one script run by its digest and nothing be fetched, so that not even hostile text in what was
 * read could reach out. Styles are inline because charts place their parts by style attributes.
 * Source: W3C Content Security Policy Level 3, 2.3.1 (hashes) and 6.1.
 */
export function oneFile(page: Page, { title, noscript, data }: PageText): string {
  const { script, style, digest } = page;
  const policy = [
    ...["default-src 'none'", `script-src 'sha256-${digest}'`, "style-src 'unsafe-inline'", "img-src data:"],
    ...["base-uri 'none'", "form-action 'none'"],
  ].join("; ");
  return [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${text(title)}</title>`,
    `<style>${style}</style>`,
    "</head>",
    "<body>",
    '<div id="page"></div>',
    `<noscript>${text(noscript)}</noscript>`,
    `<script type="application/json" id="data">${json(data)}</script>`,
    `<script>${script}</script>`,
    "</body>",
    "</html>",
    "",
  ].join("\n");
}

/** Inside a script element: no "<" may begin a tag or a comment, and U+2028 and U+2029 end a line in old scripts. */
function json(value: unknown): string {
  return JSON.stringify(value)
    .replace(/</g, "\\u003c")
    .replace(/\u2028/g, "\\u2028")
    .replace(/\u2029/g, "\\u2029");
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const text = (raw: string): string => raw.replace(/[&<>"]/g, (character) => entities[character]!);
