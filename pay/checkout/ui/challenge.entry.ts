// The page around the bank's confirmation: it opens the bank's page in a frame, shows the time that is left, and
// goes on when the server says so. The notice from inside the frame only makes it ask sooner.
import { config, find, fit, tell, watch } from "./wire";

const c = config();
const left = find("#left");
const until = Number(left.dataset.until) * 1000 || Date.now() + 600_000;
let every = 1500;

function tick(): void {
  const s = Math.max(0, Math.round((until - Date.now()) / 1000));
  left.textContent = `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
  find("#late").hidden = s > 0;
}

addEventListener("message", (e) => {
  if (e.origin !== location.origin || e.data?.source !== "countersign" || e.data?.type !== "notified") return;
  every = 250;
  find("#bank").hidden = true;
  find("#wait").hidden = false;
  look();
});

let looking = 0;

/** look asks for the state until it changes; a newer look replaces an older one. */
function look(): void {
  const mine = ++looking;
  watch(c, "challenge", () => (every = Math.min(3000, every * 1.15))).then(() => {
    if (mine === looking) location.replace(c.self);
  });
}

/** restart gives the confirmation up, so that another card can be used. */
async function restart(): Promise<void> {
  try {
    await fetch(c.submit.replace("/card?", "/restart?"), { method: "POST", headers: { Accept: "application/json" } });
  } catch { /* the page below tells how it stands */ }
  location.replace(c.self);
}

find("#restart").hidden = false;
find("#restart").addEventListener("click", restart, { once: true });
fit(c);
tell(c, "state", { state: "challenge" });
tick();
setInterval(tick, 1000);
find<HTMLFormElement>("#creq").submit();
look();
addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); });
