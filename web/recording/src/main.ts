/** Begin the page. */
import { mount } from "svelte";
import App from "./app.svelte";
import "uplot/dist/uPlot.min.css";
import "../../shared/style.css";

mount(App, { target: document.getElementById("page")! });
