/** What firmware says, as a part of the inspection's document. */

import type { AcpiScope } from "../../audit/inspect/acpi/acpi_tables.js";
import { deviceName } from "../../audit/inspect/device_name.js";
import type { FirmwareSays } from "../../audit/inspect/facts/inspection.js";
import { hex } from "../../base/hex.js";

export function firmwareValue({ reading, units }: FirmwareSays): object {
  const at = (address: number | null) => (address === null ? null : hex(address));
  return {
    tables: reading.tables.map(({ signature, address, bytes, says = [], wrongChecksum = false }) => ({
      ...{ signature, address: hex(address), bytes, says, wrongChecksum },
    })),
    addressBits: reading.addressBits,
    interruptRemapping: reading.interruptRemapping,
    x2apicOptOut: reading.x2apicOptOut ?? null,
    dmaOptIn: reading.dmaOptIn ?? null,
    units: reading.units.map((u, i) => ({
      name: u.name ?? null,
      kind: u.kind,
      unit: units[i]! < 0 ? null : units[i],
      registersAt: at(u.registersAt),
      bdf: u.requester === null ? null : deviceName({ segment: u.segment, requester: u.requester }),
      segment: u.segment,
      includeAll: u.includeAll,
      says: u.says ?? [],
      scopes: u.scopes.map(scopeValue),
    })),
    regions: reading.reserved.map(({ kind, first, last, segment, scopes, allow }) => ({
      ...{ kind, first: hex(first), last: hex(last), segment },
      perm: `${(allow & 1) === 0 ? "-" : "r"}${(allow & 2) === 0 ? "-" : "w"}`,
      scopes: scopes.map(scopeValue),
    })),
    ats: reading.ats === null ? null : { all: reading.ats.all, scopes: reading.ats.scopes.map(scopeValue) },
    aliases: reading.aliases.map(({ segment, first, last, source }) => ({
      first: deviceName({ segment, requester: first }),
      last: deviceName({ segment, requester: last }),
      source: deviceName({ segment, requester: source }),
    })),
    configuration: reading.configuration.map((w) => ({ ...w, base: hex(w.base) })),
  };
}

function scopeValue({ what, segment, first, last, name, stream, unit, addressBits }: AcpiScope): object {
  const ids = what === "stream" || what === "named" ? null : { segment };
  const range =
    first === null || last === null
      ? null
      : what === "stream"
        ? { first: hex(first), last: hex(last) }
        : { first: deviceName({ segment, requester: first }), last: deviceName({ segment, requester: last }) };
  return {
    ...{ what, name },
    ...ids,
    ...range,
    ...(stream !== null && { stream: hex(stream) }),
    ...(addressBits !== undefined && { addressBits }),
    ...(unit !== undefined && { unit }),
  };
}
