// The types of signals.js.
export * from "@preact/signals-core";
