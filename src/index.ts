/** The front door. Narrower ones: dmalab/base, bits, mem, swiotlb, read, lab, audit, report. */
export { explainLine, explainLog, explainSetting, RecordingAudit } from "./audit/index.js";
export { replayRecording } from "./lab/index.js";
export { memorySource, openFtraceText, openPerfScript, openTraceDat, readKernelLog, Unreadable } from "./read/index.js";
export { runDocument, runHtml, runLines, whyDocument, whyLines } from "./report/index.js";
export { Pool } from "./sw/swiotlb/index.js";
