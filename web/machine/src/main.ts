/** Begin the page. */
import { mount } from "svelte";
import App from "./app.svelte";
import "../../shared/style.css";
import "./machine.css";

mount(App, { target: document.getElementById("page")! });
