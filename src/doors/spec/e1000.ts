/** The network controllers of the Intel 8254x family. */
export * from "../../spec/e1000/descriptors.js";
export * from "../../spec/e1000/registers.js";
