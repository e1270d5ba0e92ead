/** All protocols that can be asked for by name. A protocol more is one more row in `protocols/`. */
import type { Protocol } from "../protocol.js";
import { attachmentProtocols } from "./attachment.js";
import { bounceProtocols } from "./bounce.js";
import { guestProtocols } from "./guests.js";
import { lifetimeProtocols } from "./lifetime.js";
import { replacementProtocols } from "./replacement.js";

export const protocols: readonly Protocol[] = [
  ...lifetimeProtocols,
  ...replacementProtocols,
  ...attachmentProtocols,
  ...guestProtocols,
  ...bounceProtocols,
];
