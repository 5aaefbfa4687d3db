// Cards and payments change as they happen. Without this script the page is the same after a refresh.
interface Card { id: string; status: string; available: string; held: string }
interface Payment { id: string; merchant: string; amount: string; last4: string; status: string; tone: string; reason: string; at: string; day: string }
interface State { cards: Card[]; payments: Payment[] }

const part = <T extends HTMLElement>(of: ParentNode, selector: string): T => of.querySelector<T>(selector)!;
const list = part<HTMLUListElement>(document, "#payments");
const row = part<HTMLTemplateElement>(document, "#row");

function text(e: HTMLElement, value: string): void {
  if (e.textContent !== value) e.textContent = value;
}

function day(t: HTMLTimeElement): void {
  const d = new Date(t.dateTime);
  if (!isNaN(d.getTime())) text(t, d.toLocaleString([], { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }));
}

function card(c: Card): void {
  const of = document.querySelector<HTMLElement>(`[data-card="${CSS.escape(c.id)}"]`);
  if (!of) return location.reload();
  text(part(of, ".available"), c.available);
  part(of, ".held").hidden = !c.held;
  text(part(of, ".held .amount"), c.held);
  const tag = part(of, ".status");
  text(tag, c.status);
  tag.className = "tag status " + (c.status === "active" ? "good" : c.status === "frozen" ? "warn" : "bad");
  of.querySelector(".cardface")?.classList.toggle("frozen", c.status !== "active");
  for (const f of of.querySelectorAll<HTMLElement>("[data-when]")) f.hidden = f.dataset.when !== c.status;
  part(of, ".frozen-note").hidden = c.status !== "frozen";
}

function payment(p: Payment, before: Element | null): HTMLElement {
  let li = list.querySelector<HTMLElement>(`[data-id="${CSS.escape(p.id)}"]`);
  if (!li) {
    li = (row.content.cloneNode(true) as DocumentFragment).querySelector("li")!;
    li.dataset.id = p.id;
    li.classList.add("fresh");
    list.insertBefore(li, before);
  }
  text(part(li, ".merchant"), p.merchant);
  text(part(li, ".amount"), p.amount);
  text(part(li, ".last4"), p.last4);
  const t = part<HTMLTimeElement>(li, "time");
  t.dateTime = p.at;
  day(t);
  const tag = part(li, ".tag");
  text(tag, p.status);
  tag.className = "tag " + p.tone;
  const reason = part(li, ".reason");
  text(reason, p.reason);
  reason.hidden = !p.reason;
  return li;
}

let looking = false;
let again = false;

async function look(): Promise<void> {
  again = looking;
  if (looking) return;
  looking = true;
  try {
    const r = await fetch("/state.json", { cache: "no-store" });
    if (r.status === 401) return location.reload();
    if (!r.ok) return;
    const s = (await r.json()) as State;
    s.cards.forEach(card);
    let before: Element | null = null;
    for (const p of s.payments.slice().reverse()) before = payment(p, before ?? list.firstElementChild);
    part(document, "#none").hidden = s.payments.length > 0;
  } finally {
    looking = false;
    if (again) look();
  }
}

for (const t of document.querySelectorAll("time")) day(t);
const source = new EventSource("/events");
for (const name of ["open", "payment", "card"]) source.addEventListener(name, look);
part(document, "#reload").addEventListener("click", (e) => { e.preventDefault(); look(); });
