/** Accusations of domain changes, with what they rely on. */
import { secondsExactly as seconds } from "../../words/quantity.js";
import { askedWords } from "./asked.js";
import type { ServedAgain } from "./numbers_again.js";
import type { OpenChange } from "./open_change.js";

const relied = "descriptors are recorded before and after, and no event is lost in between";

/** @param requester the device's id, -1 where it is not known */
export function disorderWords(
  device: string,
  requester: number,
  { began, steps }: OpenChange,
  end: number,
  what: string,
): string {
  const all = steps.map(({ asked }) => askedWords(asked, requester));
  const asked = all.length === 0 ? "nothing was asked for" : `asked for: ${all.join(", ")}`;
  return `of ${device}, from ${seconds(began)} to ${seconds(end)}, ${what} (${asked}; ${relied})`;
}

export function againWords({ domain, pasid, ended, again }: ServedAgain): string {
  const of = pasid === 0 ? "" : ` of PASID ${pasid}`;
  return (
    `domain ${domain} lost its last device at ${seconds(ended)} and was given to another at ${seconds(again)}, and no IOTLB was told to ` +
    `forget its translations${of} in between (${relied})`
  );
}
