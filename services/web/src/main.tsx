/** The page: everything is made and handed down here. */

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "./style/tokens.css";
import "./style/page.css";
import "./style/ui.css";
import { App } from "./app/App";
import { applyTheme } from "./app/theme";
import { Keeper } from "./session/keeper";

import { routerUrl } from "./wamp/link";

applyTheme();
const keeper = new Keeper(routerUrl(location));
keeper.start();
const page = document.getElementById("page");
if (!page) throw new Error("index.html has no element with the id ‘page’");
createRoot(page).render(
  <StrictMode>
    <App keeper={keeper} />
  </StrictMode>,
);
