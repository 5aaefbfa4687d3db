// The challenge page without this script asks, sends and goes back just the same. This counts the time down, keeps a
// second click from sending a form twice, and sends the last form by itself.
const clock = (s: number): string => `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;

/** every second until it says that it is done. */
function count(seconds: number, show: (left: number) => void): void {
  const end = performance.now() + seconds * 1000;
  const step = (): void => {
    const left = Math.max(0, Math.round((end - performance.now()) / 1000));
    show(left);
    if (left > 0) setTimeout(step, 1000);
  };
  step();
}

const left = document.querySelector<HTMLElement>("#left[data-left]");
if (left) count(Number(left.dataset.left), (s) => (left.textContent = s ? `Time left: ${clock(s)}` : "It is over now. Ask for a new one."));

const resend = document.querySelector<HTMLButtonElement>("button[data-wait]");
if (resend) {
  const text = resend.textContent ?? "";
  count(Number(resend.dataset.wait), (s) => {
    resend.disabled = s > 0;
    resend.textContent = s ? `${text} in ${s} s` : text;
  });
}

for (const form of document.forms) {
  let sent = false;
  form.addEventListener("submit", (e) => {
    if (sent) e.preventDefault();
    sent = true;
    (e.submitter as HTMLElement | null)?.classList.add("busy");
  });
  addEventListener("pageshow", (e) => { if (e.persisted) sent = false; });
  if ("auto" in form.dataset) form.submit();
  if ("again" in form.dataset) setTimeout(() => form.submit(), 1500);
}
