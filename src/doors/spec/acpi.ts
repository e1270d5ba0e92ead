/** Tables of ACPI that name IOMMUs and what is behind them. */
export * from "../../spec/acpi/dmar.js";
export * from "../../spec/acpi/header.js";
export * from "../../spec/acpi/hpet.js";
export * from "../../spec/acpi/iort.js";
export * from "../../spec/acpi/ivrs.js";
export * from "../../spec/acpi/madt.js";
export * from "../../spec/acpi/tpm2.js";
export * from "../../spec/acpi/viot.js";
