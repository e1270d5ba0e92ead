/** The page of a described machine's run. */
import { pageBuild } from "../shared/page_build.js";

export default pageBuild({ name: "machine", global: "dmalabMachine", libraries: ["Svelte"] });
