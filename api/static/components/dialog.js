// A window above the page, which Esc, the button and a click beside it close.

import { t } from "../language.js";
import { html, useLayoutEffect, useRef } from "../vendor/preact.js";
import { Icon } from "./icons.js";
import { Name } from "./name.js";

/**
 * @param {{name: string, title: string, detail?: any, onClose: () => void, children?: any}} props
 */
export function Dialog({ name, title, detail, onClose, children }) {
  /** @type {{current: HTMLDialogElement | null}} */
  const dialog = useRef(null);
  useLayoutEffect(() => {
    const { current } = dialog;
    const before = document.activeElement;
    current?.showModal();
    return () => {
      current?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return html`
    <dialog ref=${dialog} id=${name} aria-labelledby="${name}-title"
      onCancel=${(/** @type {Event} */ event) => { event.preventDefault(); onClose(); }}
      onMouseDown=${(/** @type {MouseEvent} */ event) => event.target === dialog.current && onClose()}>
      <div class="dialog-head">
        <div>
          <h2 id="${name}-title" dir="auto"><${Name} text=${title} /></h2>
          ${detail && html`<p class="quiet">${detail}</p>`}
        </div>
        <button class="plain" type="button" aria-label=${t("close")} title=${t("closeKey")}
          onClick=${onClose}><${Icon} name="close" /></button>
      </div>
      ${children}
    </dialog>
  `;
}
