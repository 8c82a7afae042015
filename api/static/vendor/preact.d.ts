// The types of preact.js: htm's standalone module, with preact and its hooks inside.
export * from "preact/hooks";
export { h, render, Component, createContext } from "preact";
import type { VNode } from "preact";
export declare const html: (strings: TemplateStringsArray, ...values: any[]) => VNode;
