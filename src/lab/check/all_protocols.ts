/** All protocols that can be asked for by name. A protocol more is one more row in `protocols/`. */
import type { Protocol } from "./protocol.js";
import { attachmentProtocols } from "./protocols/attachment.js";
import { bounceProtocols } from "./protocols/bounce.js";
import { guestProtocols } from "./protocols/guests.js";
import { lifetimeProtocols } from "./protocols/lifetime.js";
import { replacementProtocols } from "./protocols/replacement.js";

export const protocols: readonly Protocol[] = [
  ...lifetimeProtocols,
  ...replacementProtocols,
  ...attachmentProtocols,
  ...guestProtocols,
  ...bounceProtocols,
];
