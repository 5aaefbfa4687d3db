// Mounts the gateway's card frame and goes to the order when it is paid.
interface Loader { mount(host: Element, url: string, options: { title?: string; onState(e: { state: string }): void }): unknown }

const box = document.querySelector<HTMLElement>("#pay")!;
const loader = (window as unknown as { Countersign?: Loader }).Countersign;

if (loader) {
  loader.mount(box, box.dataset.frame!, {
    title: "Card payment",
    onState: (e) => { if (e.state === "paid" || e.state === "closed") setTimeout(() => location.assign(box.dataset.back!), e.state === "paid" ? 1200 : 0); },
  });
} else {
  box.textContent = "The payment form could not be loaded. Please use the link below.";
}

export {};
