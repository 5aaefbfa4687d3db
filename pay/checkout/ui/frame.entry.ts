// The card form: it checks while the shopper types, seals number and code, and goes where the payment goes.
import { able } from "../../../ui/hpke";
import { brandOf, groups } from "./brand";
import { checkCode, checkExpiry, checkName, checkNumber, digitsOf, expiryOf } from "./check";
import { rangeOf, sealCard } from "./seal";
import { type Answer, config, find, fit, submit, tell, watch } from "./wire";

const c = config();
const input = (id: string) => find<HTMLInputElement>("#" + id);
const FIELDS = ["number", "expiry", "code", "name"] as const;
type Field = (typeof FIELDS)[number];

const checks: Record<Field, (done: boolean) => string> = {
  number: (done) => checkNumber(input("number").value, done) || (done && !rangeOf(c.ranges, digitsOf(input("number").value)) ? "The bank of this card is not connected to this payment service. Please use another card." : ""),
  expiry: (done) => checkExpiry(input("expiry").value, done),
  code: (done) => checkCode(input("code").value, input("number").value, done),
  name: (done) => checkName(input("name").value, done),
};

function show(field: Field, message: string): void {
  const error = find(`#${field}-error`), el = input(field);
  if (error.textContent !== message) error.textContent = message;
  if (message) el.setAttribute("aria-invalid", "true");
  else el.removeAttribute("aria-invalid");
}

/** summarise announces what is wrong, with links to the fields. */
function summarise(wrong: [Field, string][], text = ""): void {
  const box = find("#summary");
  const line = document.createElement("p");
  line.textContent = text || (wrong.length > 1 ? `Please check ${wrong.length} things:` : wrong[0]?.[1] ?? "");
  const parts: Node[] = [line];
  if (!text && wrong.length > 1) {
    const list = document.createElement("ul");
    for (const [field, message] of wrong) {
      const a = document.createElement("a");
      a.href = "#" + field;
      a.textContent = message;
      a.addEventListener("click", (e) => { e.preventDefault(); input(field).focus(); });
      list.appendChild(document.createElement("li")).append(a);
    }
    parts.push(list);
  }
  box.hidden = !line.textContent;
  box.replaceChildren(...(box.hidden ? [] : parts));
}

let brandId = "";

/** brand follows the number: its name, where the code is, how many digits it has. */
function brand(): void {
  const digits = digitsOf(input("number").value), b = brandOf(digits);
  if (b?.id === brandId) return;
  brandId = b?.id ?? "";
  find("#brand").textContent = b?.name ?? "";
  const four = b?.digits === 4;
  find("#where").classList.toggle("four", four);
  find("#code-where").textContent = four
    ? "Four digits on the front of the card, above the number at the right."
    : "Three digits on the back of the card, to the right of the signature strip." + (b?.optional ? " Leave it empty if your card has none." : "");
  if (input("code").value) show("code", checks.code(false));
}

/** tidy groups digits while somebody types at the end; never while a browser fills the form. */
function tidy(el: HTMLInputElement, e: Event, write: (v: string) => string): void {
  const typed = e instanceof InputEvent && (e.inputType === "insertText" || e.inputType === "insertFromPaste");
  if (!typed || el.matches(":autofill") || el.selectionStart !== el.value.length) return;
  const next = write(el.value);
  if (next !== el.value) el.value = next;
}

const spacedNumber = (v: string) => {
  const d = digitsOf(v);
  return /[^\d\s-]/.test(v) || d.length > 19 ? v : groups(d, brandOf(d));
};

const spacedExpiry = (v: string) => {
  if (/^[2-9]$/.test(v)) v = "0" + v;
  if (/^(0[1-9]|1[0-2])$/.test(v)) return v + " / ";
  const m = /^(\d\d)(\d{1,2})$/.exec(v);
  return m ? `${m[1]} / ${m[2]}` : v;
};

function live(): void {
  for (const field of FIELDS) {
    const el = input(field);
    el.addEventListener("input", (e) => {
      if (field === "number") { tidy(el, e, spacedNumber); brand(); }
      if (field === "expiry") tidy(el, e, spacedExpiry);
      show(field, checks[field](false));
    });
    el.addEventListener("blur", () => { if (el.value) show(field, checks[field](true)); });
  }
}

const device = () => ({
  language: navigator.language, colorDepth: screen.colorDepth, height: screen.height, width: screen.width,
  tz: new Date().getTimezoneOffset(), java: false,
});

let busy = false;

async function pay(e: Event): Promise<void> {
  e.preventDefault();
  if (busy) return;
  const wrong = FIELDS.map((f): [Field, string] => [f, checks[f](true)]);
  for (const [f, message] of wrong) show(f, message);
  const bad = wrong.filter(([, message]) => message);
  summarise(bad);
  if (bad.length) return input(bad[0][0]).focus();
  busy = true;
  const card = { number: digitsOf(input("number").value), expiry: expiryOf(input("expiry").value), code: input("code").value.trim() };
  const name = input("name").value.trim();
  waiting(true);
  try {
    const boxes = await sealCard(c, rangeOf(c.ranges, card.number)!, card);
    wipe();
    go(await submit(c, JSON.stringify({ ...boxes, name, attempt: crypto.randomUUID(), browser: device() })));
  } catch {
    back({ message: "This browser could not encrypt the card. Nothing was sent. Please use a newer browser." });
  }
}

/** wipe empties what is secret in the form; the name stays. */
function wipe(): void {
  for (const f of ["number", "expiry", "code"]) input(f).value = "";
  brand();
}

function waiting(on: boolean): void {
  find("#wait").hidden = !on;
  for (const el of document.querySelectorAll<HTMLElement>("#card, #summary, details, .leave")) el.hidden = on || (el.id === "summary" && !el.firstChild);
}

/** back shows the form again, with what went wrong. */
function back(problem?: { field?: string; message: string }): void {
  busy = false;
  waiting(false);
  const message = problem?.message ?? "Please enter the card again.";
  const field = FIELDS.find((f) => f === problem?.field);
  summarise([], message);
  if (field) show(field, message);
  input(field ?? "number").focus();
}

function go(a: Answer): void {
  tell(c, "state", { state: a.state, return_url: c.back });
  if (a.state === "card") return find("#card") ? back(a.problem) : location.replace(c.self);
  if (a.state === "challenge") return location.replace(a.url ?? c.challenge);
  if (a.state === "processing") {
    let n = 0;
    watch(c, "processing", () => Math.min(3000, 300 + 150 * n++)).then(go);
    return;
  }
  if (a.state === "paid") return paid();
  location.replace(c.self);
}

function paid(): void {
  find("#wait")?.setAttribute("hidden", "");
  find("#paid").hidden = false;
  if (c.hosted && c.back) setTimeout(() => location.replace(c.back), 2500);
}

async function start(): Promise<void> {
  fit(c);
  addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); });
  if (c.state !== "card") return go({ state: c.state });
  tell(c, "state", { state: "card" });
  live();
  wipe();
  find("#card").addEventListener("submit", pay);
  if (c.problem) back(c.problem);
  if (await able()) find<HTMLFieldSetElement>("#fields").disabled = false;
  else summarise([], "This browser cannot encrypt the card (it lacks X25519). Please update it or use another one. Nothing can be typed here until then.");
}

start();
