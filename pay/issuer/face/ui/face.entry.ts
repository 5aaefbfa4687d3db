// The card face: asks for the sealed card with a fresh key, opens it here, draws it into a closed shadow root.
import { bytes, decode, encode, keyPair, open } from "../../../../ui/hpke";

interface Card { number: string; expiry: string; code: string; name: string }

const SHOWN_FOR = 60_000; // ms

const main = document.querySelector("main")!;
const host = document.getElementById("face")!;
const say = (text: string) => { document.getElementById("say")!.textContent = text; };
const root = host.attachShadow({ mode: "closed" });

function el(tag: string, cls = "", text = "", ...children: Node[]): HTMLElement {
  const e = document.createElement(tag);
  if (cls) e.className = cls;
  e.append(text, ...children);
  return e;
}

async function fetchCard(): Promise<Card> {
  const own = await keyPair();
  const ticket = main.dataset.ticket!;
  const r = await fetch(main.dataset.open!, {
    method: "POST", headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify({ ticket, public: encode(own.public) }),
  });
  if (!r.ok) throw new Error(r.status === 404 || r.status === 410 ? "used" : "failed");
  const { box } = await r.json();
  const [version, key, data] = String(box).split(".");
  if (version !== "v1" || key !== "page") throw new Error("failed");
  const plain = await open(own, "countersign/v1/face", bytes("face " + ticket), decode(data));
  const card = JSON.parse(new TextDecoder().decode(plain));
  plain.fill(0);
  return card;
}

function copyButton(label: string, what: string, value: () => string): HTMLElement {
  const b = el("button", "btn quiet small", label) as HTMLButtonElement;
  b.type = "button";
  b.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(value());
      say(`${what} copied.`);
    } catch {
      say("This browser does not allow copying here. Please select the text.");
    }
  });
  return b;
}

function draw(card: Card): void {
  const expiry = /^\d{4}$/.test(card.expiry) ? card.expiry.slice(2) + "/" + card.expiry.slice(0, 2) : card.expiry;
  const pair = (name: string, value: string, id: string) => {
    const dd = el("dd", "", value);
    dd.id = id;
    return el("div", "", "", el("dt", "", name), dd);
  };
  const number = el("div", "number", (card.number.match(/.{1,4}/g) ?? []).join(" "));
  number.id = "number";
  const name = el("span", "name", card.name);
  name.id = "name";
  const face = el("div", "cardface", "",
    el("div", "line", "", el("span", "bank grow", main.dataset.brand || "Your bank")),
    number,
    el("div", "foot", "", name, el("dl", "", "", pair("Valid until", expiry, "expiry"), pair("Code", card.code, "code"))));
  const copies = el("div", "copies", "", copyButton("Copy number", "Number", () => card.number), copyButton("Copy date", "Date", () => expiry), copyButton("Copy code", "Code", () => card.code));
  const sheets = [...document.querySelectorAll<HTMLLinkElement>("link[rel=stylesheet]")].map((l) => l.cloneNode());
  root.replaceChildren(...sheets, face, copies);
  say("Shown for one minute. Never tell the code to anybody, not even to your bank.");
  setTimeout(() => {
    card = { number: "", expiry: "", code: "", name: "" };
    root.replaceChildren();
    say("The card is hidden again.");
  }, SHOWN_FOR);
}

async function show(): Promise<void> {
  try {
    draw(await fetchCard());
  } catch (e) {
    say((e as Error).message === "used"
      ? "This link has been used. Go back to Mobile Bank and press “Show card” again."
      : "The card could not be opened. Your browser may be too old for its encryption (X25519), or the connection broke. Please try again.");
  }
}

if (main.dataset.ask) {
  const b = el("button", "btn", "Show the card");
  b.addEventListener("click", () => { b.remove(); show(); });
  host.after(b);
  say("");
} else show();
