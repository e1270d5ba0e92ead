/** Modules that the bundler understands and the type checker does not read. */
declare module "*.svelte" {
  import type { Component } from "svelte";

  const component: Component<Record<string, unknown>>;
  export default component;
}
declare module "*.css";
