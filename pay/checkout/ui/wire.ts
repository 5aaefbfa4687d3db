// How the page talks: to its server, and to the shop's page around it.

export interface Key { id: string; public: string }
export interface Range { start: string; end: string; name: string; key_id: string; public: string }
export interface Problem { field?: string; message: string }
export interface Config {
  payment: string; acceptor: string; site: string; amount: number; currency: string; state: string; hosted: boolean;
  vault: Key; ranges: Range[] | null; submit: string; status: string; challenge: string; back: string; self: string; problem: Problem | null;
}
export interface Answer { state: string; url?: string; problem?: Problem; return_url?: string }

export const find = <T extends Element = HTMLElement>(selector: string): T => document.querySelector<T>(selector)!;

export const config = (): Config => JSON.parse(find("[data-config]").dataset.config!);

/** tell sends a message to the shop's page; only to the shop's origin, and only from inside a frame. */
export function tell(c: Config, type: string, more: object = {}): void {
  if (window.parent !== window && !c.hosted) window.parent.postMessage({ source: "countersign", type, ...more }, new URL(c.site).origin);
}

/** fit keeps the shop's iframe as high as the page. */
export function fit(c: Config): void {
  const main = find("main");
  new ResizeObserver(() => tell(c, "resize", { height: Math.ceil(main.getBoundingClientRect().height) })).observe(main);
}

const pause = (ms: number) => new Promise((r) => setTimeout(r, ms));

/** ask gets the state; undefined when there was no answer. */
export async function ask(c: Config): Promise<Answer | undefined> {
  try {
    const r = await fetch(c.status, { headers: { Accept: "application/json" }, cache: "no-store" });
    return r.ok ? await r.json() : undefined;
  } catch {
    return undefined;
  }
}

/** submit sends the sealed card. The same body may be sent twice: the attempt id makes it one. */
export async function submit(c: Config, body: string): Promise<Answer> {
  for (let i = 0; ; i++) {
    try {
      const r = await fetch(c.submit, { method: "POST", headers: { "Content-Type": "application/json", Accept: "application/json" }, body });
      const a = await r.json();
      if (r.ok) return a;
      if (r.status === 409) { // another tab was quicker: go where the payment is
        const now = await ask(c);
        if (now && now.state !== "card") return now;
      }
      if (r.status < 500 || i > 2) return refused(a);
    } catch {
      if (i > 2) return { state: "card", problem: { message: "There is no connection. Nothing was paid. Please try again." } };
    }
    await pause(700 * (i + 1));
  }
}

/** refused turns problem+json into words for a person. */
function refused(p: { detail?: string; title?: string; errors?: { pointer?: string; message?: string }[] }): Answer {
  const first = p.errors?.[0];
  const field = first?.pointer?.replace(/^.*\//, "");
  return { state: "card", problem: { field, message: first?.message ?? p.detail ?? p.title ?? "That did not work. Nothing was paid. Please try again." } };
}

/** watch asks until the state is another one than `from`. */
export async function watch(c: Config, from: string, every: () => number): Promise<Answer> {
  for (;;) {
    const a = await ask(c);
    if (a && a.state !== from) return a;
    await pause(every());
  }
}
