// Something is on its way (a refund, a payment): look again in a moment, a few times, then less often.
const key = "looks " + location.pathname;
const seen = Number(sessionStorage.getItem(key) ?? 0);
sessionStorage.setItem(key, String(seen + 1));
setTimeout(() => location.replace(location.pathname), seen < 20 ? 1000 : 10_000);

export {};
