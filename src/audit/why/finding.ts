/** One answer of `why`: what was read, why it happened, what shows it, what to do. */
export interface Finding {
  /** The line or setting that is explained, as it was given, without its line end. */
  readonly line: string;
  /** Why it happened, for someone who never read the kernel. */
  readonly cause: string;
  /** The numbers that show it, and what they cannot show. */
  readonly evidence: string;
  readonly do: string;
  /** Stable name of the cause, for programs. */
  readonly kind: string;
  /** False for a message that is normal and only worth knowing. */
  readonly trouble: boolean;
  /** Device as the log names it; null when it names none. */
  readonly device: string | null;
  /** Seconds of the log's clock; null when the line carries none. */
  readonly time: number | null;
  /** How many lines of the log say the same (device, cause and size class), and when the last one came. */
  readonly count: number;
  readonly lastTime: number | null;
}

/** The part of a finding that a rule decides; the rest comes from the line. */
export interface Diagnosis {
  readonly kind: string;
  readonly cause: string;
  readonly evidence: string;
  readonly do: string;
  /** Where the message itself names the device. */
  readonly device?: string;
  /** Verdicts on one device with the same remedy are one finding; without it those of the same kind are. */
  readonly remedy?: string;
  /** Set for a line that repeats what the line before it said of the same device: what it adds to that. */
  readonly echo?: string;
  /** Better words for the same remedy than those of the line before it: this one knows what the memory was for. */
  readonly echoCure?: string;
  /**
   * Set for a line that says only that something failed: what it adds to a finding of the same kind and device that says what.
   * Once there is one, such lines are part of it.
   */
  readonly vague?: string;
  /** The functions, by name, whose rate limit leaves such lines out; where it is not set the kind tells them. */
  readonly limitedIn?: RegExp;
  /** True for a message that is normal and only worth knowing. */
  readonly notice?: boolean;
}
