/** The page of a recording's report. */
import { pageBuild } from "../shared/page_build.js";

export default pageBuild({ name: "recording", global: "dmalabRecording", libraries: ["uPlot", "Svelte"] });
