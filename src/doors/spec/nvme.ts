/** NVM Express. */
export * from "../../spec/nvme/entries.js";
export * from "../../spec/nvme/registers.js";
