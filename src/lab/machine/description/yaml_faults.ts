/** What a parser of YAML finds fault with, in our words: what is wanted at that place, and what stands there. */
import type { ErrorCode } from "yaml";

interface Words {
  readonly expected: string;
  /** Half a sentence; null: what stands there is shown. */
  readonly found: string | null;
}

const oneLine = { expected: "a key and its colon in one line", found: "a key that goes on" };
const once = (what: string): Words => ({ expected: `one ${what} of a value`, found: "another one" });

const words: Readonly<Record<ErrorCode, Words>> = {
  MULTIPLE_DOCS: {
    expected: "one machine in a file: give what follows --- a file of its own",
    found: "a second document",
  },
  DUPLICATE_KEY: { expected: "each key once: leave one of them out", found: null },
  MISSING_CHAR: { expected: "a value that is closed: a quote, a bracket or a comma is missing before", found: null },
  TAB_AS_INDENT: { expected: "spaces before what stands further in: YAML takes no tabs there", found: "a tab" },
  BAD_INDENT: { expected: "brackets that are closed, and what is in a key further in than the key", found: null },
  BLOCK_AS_IMPLICIT_KEY: { expected: "one key in a line; what is in it on lines of its own, further in", found: null },
  BLOCK_IN_FLOW: { expected: "values in brackets to be parted by commas", found: "a list or keys by lines" },
  MULTILINE_IMPLICIT_KEY: oneLine,
  KEY_OVER_1024_CHARS: oneLine,
  UNEXPECTED_TOKEN: { expected: "a key, a colon and a value", found: null },
  BAD_SCALAR_START: { expected: "a value that needs no quotes, or quotes around it", found: null },
  BAD_DQ_ESCAPE: { expected: "an escape that YAML has, or single quotes around the text", found: null },
  NON_STRING_KEY: { expected: "a key that is a word", found: null },
  BAD_COLLECTION_TYPE: { expected: "a value without a tag", found: null },
  TAG_RESOLVE_FAILED: { expected: "a value without a tag", found: null },
  BAD_DIRECTIVE: { expected: "a machine without directives of YAML", found: null },
  BAD_ALIAS: { expected: "a value of its own", found: null },
  BAD_PROP_ORDER: once("anchor or tag"),
  ALIAS_PROPS: once("anchor or tag"),
  MULTIPLE_ANCHORS: once("anchor"),
  MULTIPLE_TAGS: once("tag"),
  RESOURCE_EXHAUSTION: { expected: "values a few levels deep", found: "too many, one within another" },
  IMPOSSIBLE: { expected: "YAML", found: null },
};

const shownMax = 24;

/** @param offset where the fault is in the text */
export function yamlFault(code: ErrorCode, text: string, offset: number): { expected: string; found: string } {
  const { expected, found } = words[code];
  if (found !== null) return { expected, found };
  const rest = /^.*/.exec(text.slice(offset))![0].trim();
  const shown = rest.length > shownMax ? `${rest.slice(0, shownMax)}...` : rest;
  return { expected, found: shown === "" ? "the end of the line" : shown };
}
