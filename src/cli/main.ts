#!/usr/bin/env node
/** The command as a process. */
import { setFlagsFromString } from "node:v8";
import { command } from "./command.js";
import { processHost } from "./process_host.js";

// What a recording leaves behind is collected soon: memory stays low on long ones, at the price of a few per cent.
setFlagsFromString("--heap-growing-percent=20");

process.exitCode = await command(process.argv.slice(2), processHost());
