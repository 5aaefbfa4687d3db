// guard.js: the look-alike engine in a page, a worker or Node. Needs wasm_exec.js of the same Go version (GOROOT/lib/wasm).
//   const guard = await loadGuard(fetch("guard.wasm"))      // or a promise of an ArrayBuffer
//   guard.check("https://aliexpres.com/") -> {level: 3, class: 5}; guard.explain(...) -> the verdict object; guard.brands(text)
async function loadGuard(source) {
  const go = new Go();
  const from = await source;
  const { instance } = from instanceof ArrayBuffer || ArrayBuffer.isView(from)
    ? await WebAssembly.instantiate(from, go.importObject)
    : await WebAssembly.instantiateStreaming(from, go.importObject);
  go.run(instance);
  const x = instance.exports, encoder = new TextEncoder(), decoder = new TextDecoder();
  const at = x.guardBuffer(), capacity = x.guardCapacity();
  let view = new Uint8Array(x.mem.buffer, at, capacity);
  const put = (text) => {
    if (view.buffer !== x.mem.buffer) view = new Uint8Array(x.mem.buffer, at, capacity); // the memory has grown
    return encoder.encodeInto(text, view).written;
  };
  const get = (n) => {
    if (view.buffer !== x.mem.buffer) view = new Uint8Array(x.mem.buffer, at, capacity);
    return decoder.decode(view.slice(0, n));
  };
  return {
    check(url) { const r = x.guardCheck(put(url)); return { level: r & 255, class: r >> 8 }; },
    explain(url) { return JSON.parse(get(x.guardExplain(put(url)))); },
    brands(text) { const n = x.guardBrands(put(text)); if (n) throw new Error(get(n)); },
  };
}
if (typeof module !== "undefined") module.exports = { loadGuard };
