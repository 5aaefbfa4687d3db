// The loader for a shop's page: Countersign.mount(element, frameURL, {onState}) shows the card frame.
// It runs nothing until it is called, keeps nothing and sends nothing.

interface Options {
  onState?: (event: { state: string; return_url?: string }) => void; // card, challenge, processing, paid, closed
  title?: string; // of the frame, for screen readers
}

function mount(element: Element | string, frameURL: string, options: Options = {}) {
  const host = typeof element === "string" ? document.querySelector(element) : element;
  const url = new URL(frameURL);
  if (!host || !/^https?:$/.test(url.protocol)) throw new Error("Countersign.mount: no such element, or not a frame address");
  const frame = document.createElement("iframe");
  frame.title = options.title ?? "Card payment";
  frame.allow = "payment *; publickey-credentials-get *";
  frame.referrerPolicy = "strict-origin";
  const style = frame.style;
  style.width = "100%";
  style.height = "34rem";
  style.border = "0";
  style.display = "block";
  const hear = (e: MessageEvent) => {
    const m = e.data;
    if (e.source !== frame.contentWindow || e.origin !== url.origin || m?.source !== "countersign") return;
    if (m.type === "resize" && m.height > 0 && m.height < 10_000) style.height = Math.ceil(m.height) + "px";
    if (m.type !== "state") return;
    options.onState?.({ state: String(m.state), return_url: m.return_url });
    if (m.state === "paid" && !options.onState && /^https?:\/\//.test(m.return_url)) location.assign(m.return_url);
  };
  addEventListener("message", hear);
  frame.src = url.href;
  host.replaceChildren(frame);
  return { frame, destroy() { removeEventListener("message", hear); frame.remove(); } };
}

(window as unknown as { Countersign: object }).Countersign = Object.freeze({ mount });
