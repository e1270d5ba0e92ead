/** The attachments of one unit while its tables are read, with limits that hostile tables meet. */
import type { Troubles } from "../trouble.js";
import type { Attachment, GoOn, UnitRoot } from "./attachment.js";
import { isLookupEnd, type LookupEnd, troubleOf } from "./entry.js";
import { blockedBy, type Whose, whileOff } from "./made.js";

/** A segment has 65,536 requester ids; real machines have some hundred devices and some thousand PASIDs. */
export const attachmentCountMax = 2 ** 16;
/** Entries of PASID tables that are looked at: a device's own tables may name 2^20, and 65,536 devices may share them. */
export const entriesReadMax = 2 ** 22;
/** Parts of the tables that the memory does not hold, before the reading gives up. */
export const missingMax = 2 ** 12;

export class Gathering {
  readonly list: Attachment[] = [];
  readonly #unit: UnitRoot;
  readonly #troubles: Troubles;
  readonly #goOn: GoOn;
  #entriesRead = 0;
  #missing = 0;
  /** Nothing more is taken. */
  full = false;

  constructor(unit: UnitRoot, troubles: Troubles, goOn: GoOn = () => true) {
    this.#unit = unit;
    this.#troubles = troubles;
    this.#goOn = goOn;
  }

  /**
   * Take what one device, or one PASID of it, came to. A refusal makes the device a blocked one, and a trouble unless
   * its entry is merely absent; what lies outside the memory is only a trouble, since nothing is known of the device.
   * @param evenAbsent list the device although it has no entry of its own
   */
  add(whose: Whose, found: Attachment | LookupEnd, evenAbsent = false): void {
    if (this.list.length >= attachmentCountMax) this.#cut();
    if (this.full) return;
    if (!isLookupEnd(found)) {
      this.#take(whileOff(whose, found) ?? found);
      return;
    }
    this.refused(found);
    if (found.kind === "outside" || found.kind === "limit") return;
    if (found.kind !== "absent" || evenAbsent) {
      this.#take(whileOff(whose, found) ?? blockedBy(whose, found));
    }
  }

  #take(attachment: Attachment): void {
    this.list.push(attachment);
    if (!this.#goOn(attachment)) this.full = true;
  }

  /** A part of the tables that does not lead on. */
  refused(refusal: LookupEnd): void {
    if (refusal.kind === "absent") return;
    if (this.#troubles.full && refusal.kind !== "limit") this.#troubles.total++;
    else this.#troubles.add(troubleOf(refusal, this.#unit.root));
    if (refusal.kind === "outside" && ++this.#missing > missingMax) this.#cut();
  }

  /** @returns false when the reading has gone on for long enough. */
  mayRead(entries: number): boolean {
    this.#entriesRead += entries;
    if (this.#entriesRead > entriesReadMax) this.#cut();
    return !this.full;
  }

  #cut(): void {
    if (this.full) return;
    this.full = true;
    this.#troubles.add({
      kind: "limit",
      entryAt: this.#unit.root,
      value: "0x0",
      iova: null,
      level: null,
      what: `the device tables go on beyond ${attachmentCountMax} devices, ${entriesReadMax} entries or ${missingMax} missing parts: the rest is left out`,
    });
  }
}
