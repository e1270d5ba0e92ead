/** The front door. Narrower ones: dmalab/base, bits, mem, swiotlb, read, lab, audit, report. */
export {
  explainLine,
  explainLog,
  explainSetting,
  inspectImage,
  RecordingAudit,
  unitsFromRegisters,
} from "./audit/index.js";
export { replayRecording } from "./lab/index.js";
export {
  memorySource,
  openFtraceText,
  openImage,
  openPerfScript,
  openTraceDat,
  readKernelLog,
  Unreadable,
} from "./read/index.js";
export { inspectJson, inspectLines, runDocument, runHtml, runLines, whyDocument, whyLines } from "./report/index.js";
export { Pool } from "./sw/swiotlb/index.js";
