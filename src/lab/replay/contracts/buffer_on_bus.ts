/**
 * Where a buffer lies on the bus, where bus addresses are not physical ones.
 *
 * Two addresses are told apart: the one that a hypervisor's page map predicts, and the one that the recording shows.
 */

export interface BufferOnBus {
  /** Bus address of the buffer's first byte by the page map; NaN when the frame is not known. */
  readonly predicted: number;
  /** The same as the recording shows it; NaN when it does not. */
  readonly seen: number;
  /** Whether two neighbouring pages of the buffer are no neighbours on the machine; null when that is not known. */
  readonly straddles: boolean | null;
  /** Whether the buffer is another domain's memory; null when that is not known. */
  readonly foreign: boolean | null;
  /** Whether a buffer of this size and direction bounces on a device that is not coherent. */
  readonly small: boolean;
}
