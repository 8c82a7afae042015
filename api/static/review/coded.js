// A message with commands in it.

import { html } from "../vendor/preact.js";

/**
 * What is between backticks is shown as code.
 * @param {string} message
 */
export const coded = (message) =>
  message.split("`").map((part, index) => (index % 2 ? html`<code key=${index}>${part}</code>` : part));
