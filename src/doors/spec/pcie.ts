/** PCI and PCI Express. */
export * from "../../spec/pcie/class_names.js";
export * from "../../spec/pcie/command_status.js";
export * from "../../spec/pcie/configuration.js";
