// One click, and this browser's webcam is a camera: what it shows, its name, and where it is indexed.

import { ask, said } from "../api.js";
import { t } from "../language.js";
import { Dialog } from "../components/dialog.js";
import { Icon } from "../components/icons.js";
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { Kept, Into, NAME, keptOf } from "./adding.js";
import { freeName } from "./words.js";
import { pictures, send, whyNot } from "./webcam.js";

/** @param {{names: readonly string[], changed: () => void}} props */
export function AddWebcam({ names, changed }) {
  const [shown, show] = useState(false);
  return html`
    <button id="add-webcam" type="button" onClick=${() => show(true)}><${Icon} name="live" />${t("useWebcam")}</button>
    ${shown && html`<${Form} names=${names} close=${() => show(false)} changed=${changed} />`}
  `;
}

/** @param {{names: readonly string[], close: () => void, changed: () => void}} props */
function Form({ names, close, changed }) {
  const video = useRef(/** @type {HTMLVideoElement | null} */ (null));
  const kept = useRef(false);
  const [stream, show] = useState(/** @type {MediaStream | null} */ (null));
  const [reason, refuse] = useState("");
  const [waits, wait] = useState(false);
  useEffect(() => {
    let mine = /** @type {MediaStream | null} */ (null);
    let gone = false;
    const end = () => mine?.getTracks().forEach((track) => track.stop());
    pictures().then((found) => {
      mine = found;
      if (gone) end();
      else show(found);
    }).catch((error) => !gone && refuse(whyNot(error)));
    return () => {
      gone = true;
      if (!kept.current) end();
    };
  }, []);
  useEffect(() => {
    if (video.current) video.current.srcObject = stream;
  }, [stream]);
  /** @param {any} event */
  const add = async (event) => {
    event.preventDefault();
    if (waits || !stream) return;
    refuse("");
    wait(true);
    try {
      const form = new FormData(event.target);
      const { name } = await ask("v1/cameras", { json: { ...keptOf(form), url: "webcam:" } });
      kept.current = true;
      send(name, stream);
      changed();
      close();
    } catch (error) {
      refuse(said(error));
      wait(false);
    }
  };
  return html`
    <${Dialog} name="new-webcam" title=${t("useWebcam")} detail=${t("webcamDetail")} onClose=${close}>
      <form class="live-form" onSubmit=${add}>
        <video ref=${video} class="preview" muted autoplay playsinline aria-label=${t("webcamPreview")}></video>
        <div class="pair">
          <label>${t("cameraName")}<input name="name" required pattern=${NAME} maxlength="64" autocomplete="off"
            defaultValue=${freeName("webcam", names)} /></label>
          <${Into} />
        </div>
        <${Kept} />
        ${reason && html`<p class="reason" role="alert">${reason}</p>`}
        <div class="player-take">
          <button class="primary" type="submit" aria-disabled=${waits || !stream ? "true" : undefined}>${t(waits ? "saving" : "sendWebcam")}</button>
          <button type="button" onClick=${close}>${t("cancel")}</button>
        </div>
      </form>
    <//>
  `;
}
