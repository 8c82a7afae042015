// A name of a file or a model, which may go on in the next line after "_", "-", "." and "/", and not inside a word.

import { html } from "../vendor/preact.js";

/**
 * The pieces of a name that stay together. Pure.
 * @param {string} name
 */
export const piecesOf = (name) => name.split(/(?<=[_\-./])(?=[^_\-./\s])/u);

/** @param {{text: string}} props */
export const Name = ({ text }) => html`${piecesOf(text).map((piece, place) => html`${place > 0 && html`<wbr />`}${piece}`)}`;
