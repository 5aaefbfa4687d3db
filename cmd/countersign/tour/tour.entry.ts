// Keeps the list of roles current, and uncovers the card's frame once it has been asked for.
const face = document.querySelector(".mycard");
for (const a of document.querySelectorAll("a[target=card]")) {
  a.addEventListener("click", () => {
    face?.classList.add("open");
    face?.scrollIntoView({ block: "nearest" });
  });
}

interface Role { name: string; ready: boolean; problem?: string }

async function refresh(): Promise<void> {
  const r = await fetch("/status.json");
  for (const role of (await r.json()) as Role[]) {
    const li = document.querySelector<HTMLElement>(`[data-role="${CSS.escape(role.name)}"]`);
    if (!li || li.classList.contains("ready") === role.ready) continue;
    li.className = role.ready ? "ready" : "ill";
    li.querySelector(".how")!.textContent = role.ready ? "ready" : "not ready";
    li.querySelector(".problem")!.textContent = role.problem ?? "";
  }
}

if (document.querySelector("#roles")) setInterval(() => { if (!document.hidden) refresh().catch(() => undefined); }, 4000);

export {};
