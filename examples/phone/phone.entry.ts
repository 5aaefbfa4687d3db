// New messages come by themselves, and codes can be copied. Text is only ever set as text.
interface Message { id: number; at: string; from: string; text: string; code?: string; shop?: string }

const list = document.querySelector<HTMLOListElement>("#list")!;
const row = document.querySelector<HTMLTemplateElement>("#row")!;
const part = <T extends HTMLElement>(of: ParentNode, selector: string): T => of.querySelector<T>(selector)!;

function time(e: HTMLTimeElement): void {
  if (e.dateTime) e.textContent = new Date(e.dateTime).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

function copying(of: ParentNode): void {
  for (const b of of.querySelectorAll<HTMLButtonElement>(".copy")) {
    b.hidden = !navigator.clipboard;
    b.addEventListener("click", async () => {
      await navigator.clipboard.writeText(part(b.parentElement!, "output").textContent ?? "");
      b.textContent = "Copied";
      setTimeout(() => (b.textContent = "Copy code"), 2000);
    });
  }
}

function add(m: Message): void {
  const li = (row.content.cloneNode(true) as DocumentFragment).querySelector("li")!;
  li.dataset.id = String(m.id);
  part(li, ".from").textContent = m.from;
  const t = part<HTMLTimeElement>(li, "time");
  t.dateTime = m.at;
  time(t);
  part(li, ".body").textContent = m.code ? m.text.slice(0, m.text.lastIndexOf("\n")).trim() : m.text;
  part(li, "output").textContent = m.code ?? "";
  part(li, ".code").hidden = !m.code;
  part(li, ".shop").textContent = m.shop ?? "";
  part(li, ".bound").hidden = !m.shop;
  li.classList.add("fresh");
  copying(li);
  list.prepend(li);
}

async function look(): Promise<void> {
  const r = await fetch("/messages.json", { cache: "no-store" });
  const { messages } = (await r.json()) as { messages: Message[] };
  const newest = Number((list.firstElementChild as HTMLElement | null)?.dataset.id ?? 0);
  for (const m of messages.filter((m) => m.id > newest).reverse()) add(m);
  part(document, "#none").hidden = list.childElementCount > 0;
}

for (const t of document.querySelectorAll("time")) time(t);
copying(document);
const source = new EventSource("/events");
source.addEventListener("open", look);
source.addEventListener("message", look);
