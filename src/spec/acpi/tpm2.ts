/** ACPI TPM2: where the control area of a TPM is. Source: TCG ACPI Specification 1.3, table 7. */
import { address64, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** TPM2, after the table header. */
export const Tpm2Body = layout(
  { title: "TPM2, after the table header", source: "TCG ACPI 1.3, table 7", bitCount: 128, reserved: [[31, 16]] },
  {
    platform: bits(15, 0, "0 = client; 1 = server"),
    address: address64(32, "address of the control area; all 0 = none"),
    start: bits(127, 96, "how a command is started"),
  },
);
/** Bytes of the control area. Source: TCG PC Client Platform TPM Profile 1.05, 6.5.3 (CRB). */
export const tpm2ControlBytes = 0x30;
