/** What a whole image holds that nobody says where to find: read once, for all that ask. */
import { atOnce, type Paced } from "../../../base/paced.js";
import type { InBlocks } from "../../../read/image/block.js";
import { asking, askTogether, type Together } from "./crew.js";
import { type Found, type Sought, surveyTask } from "./survey_task.js";

export class Survey {
  readonly #image: InBlocks;
  readonly #sought: Sought;
  #found: Found | null = null;

  constructor(image: InBlocks, sought: Sought) {
    this.#image = image;
    this.#sought = sought;
  }

  /** Read now, together with others. */
  async read(o: Together): Promise<void> {
    this.#found ??= await askTogether(this.#image, surveyTask, this.#sought, o);
  }

  /** What was found; unless it was read before the image is read by this thread. */
  found(progress?: (share: number) => void): Found {
    return atOnce(this.finding(), progress);
  }

  /** The same, with stops. */
  *finding(): Paced<Found> {
    this.#found ??= yield* asking(this.#image, surveyTask, this.#sought);
    return this.#found;
  }
}
