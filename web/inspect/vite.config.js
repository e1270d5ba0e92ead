/** The page of an inspection. */
import { pageBuild } from "../shared/page_build.js";

export default pageBuild({ name: "inspect", global: "dmalabInspect", libraries: ["Svelte"] });
