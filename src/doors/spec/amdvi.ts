/** AMD I/O Virtualization (AMD-Vi). */
export * from "../../spec/amdvi/commands.js";
export * from "../../spec/amdvi/device_entry.js";
export * from "../../spec/amdvi/event_record.js";
export * from "../../spec/amdvi/fault_events.js";
export * from "../../spec/amdvi/guest_cr3.js";
export * from "../../spec/amdvi/host_table.js";
export * from "../../spec/amdvi/queue_registers.js";
export * from "../../spec/amdvi/register_map.js";
export * from "../../spec/amdvi/registers.js";
