/** Roots of device tables as a user gives them: `vtd:0x3c02000`, `amdvi:0x1e84000,0x2000`, `smmuv3:0x45580000,16,8`. */
import { frameBytes } from "../../../base/frame.js";
import type { UnitKind, UnitRoot } from "../../../table/device/attachment.js";

interface Form {
  readonly kind: UnitKind;
  readonly form: string;
  /** Least and most numbers after the address. */
  readonly more: readonly [number, number];
  readonly alignment: number;
  rest(numbers: readonly number[]): Pick<UnitRoot, "mode" | "size" | "split"> | string;
}

const vtd = (mode: string): Form => ({
  kind: "vtd",
  form: mode === "legacy" ? "vtd:ADDRESS" : "vtd-scalable:ADDRESS",
  more: [0, 0],
  alignment: frameBytes,
  rest: () => ({ mode, size: frameBytes, split: 0 }),
});

const forms: Readonly<Record<string, Form>> = {
  vtd: vtd("legacy"),
  "vtd-scalable": vtd("scalable"),
  amdvi: {
    kind: "amdvi",
    form: "amdvi:ADDRESS,BYTES",
    more: [0, 1],
    alignment: frameBytes,
    rest: ([size = 0x200000]) =>
      size >= frameBytes && size <= 0x200000 && size % frameBytes === 0
        ? { mode: "v1+v2", size, split: 0 }
        : "BYTES is a multiple of 4096 up to 0x200000",
  },
  smmuv3: {
    kind: "smmuv3",
    form: "smmuv3:ADDRESS,LOG2SIZE[,SPLIT]",
    more: [1, 2],
    alignment: 64,
    rest: ([size = 0, split]) => {
      if (size > 32) return "LOG2SIZE is at most 32";
      if (split !== undefined && ![6, 8, 10].includes(split)) return "SPLIT is 6, 8 or 10";
      return { mode: split === undefined ? "linear" : "two-level", size, split: split ?? 0 };
    },
  },
};

const addressMax = 2 ** 52;

/** Every form, for help texts. */
export const rootForms: readonly string[] = Object.values(forms).map((f) => f.form);

/** @returns the unit, or one line that says what was given and what is allowed. */
export function rootGiven(text: string): UnitRoot | string {
  const [name = "", numbers = ""] = text.split(/:(.*)/s);
  const form = Object.hasOwn(forms, name) ? forms[name] : undefined;
  if (form === undefined) return `"${text}" names no kind of unit; expected one of ${rootForms.join(", ")}`;
  const parts = numbers.split(",").map((n) => n.trim());
  const values = parts.map((n) => (/^(0x[0-9a-f]{1,13}|[0-9]{1,15})$/i.test(n) ? Number(n) : Number.NaN));
  const bad = values.findIndex((n) => Number.isNaN(n));
  if (bad !== -1) return `"${parts[bad]}" in "${text}" is no number; expected ${form.form}`;
  const [address = 0, ...more] = values;
  if (more.length < form.more[0] || more.length > form.more[1]) {
    return `"${text}" has ${values.length} numbers; expected ${form.form}`;
  }
  if (address >= addressMax) return `"${text}": a physical address has at most 52 bits`;
  if (address % form.alignment !== 0) return `"${text}": the address is not a multiple of ${form.alignment}`;
  const rest = form.rest(more);
  if (typeof rest === "string") return `"${text}": ${rest}`;
  if (form.kind === "amdvi" && address + rest.size > addressMax)
    return `"${text}": the table ends beyond the last address`;
  return {
    kind: form.kind,
    ...rest,
    root: address,
    registersAt: null,
    translating: null,
    interruptRemapping: null,
    interruptTable: null,
    outputBits: 52,
    found: "given",
    segment: 0,
  };
}
