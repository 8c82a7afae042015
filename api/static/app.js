// The page starts here: the language, the address, the collections, then the components.

import { App } from "./components/app.js";
import { speakFirst } from "./language.js";
import { look } from "./library.js";
import { follow as followAddress } from "./navigation.js";
import { recall } from "./recent.js";
import { recall as recallSelection } from "./selection.js";
import { follow as followSearch } from "./searching.js";
import { h, render } from "./vendor/preact.js";

await speakFirst();
followAddress();
recall();
recallSelection();
look();
followSearch();
const place = document.getElementById("app");
if (place) render(h(App, {}), place);
