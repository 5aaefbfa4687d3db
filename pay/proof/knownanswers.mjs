// A second implementation of pay/proof, from the layout in its package comment alone.
// It made the values in proof_test.go: node knownanswers.mjs
import { createHmac } from "node:crypto";

function value({ index, key, method, pan, acceptor, minor, currency, trans, at }) {
  const head = Buffer.alloc(5);
  head[0] = 0x10 | method;
  head[1] = index;
  head.writeUIntBE(Math.floor((Date.parse(at) - Date.UTC(2020, 0, 1)) / 3600e3), 2, 3);
  const text = (s, width) => Buffer.concat([Buffer.from([s.length]), Buffer.from(s), Buffer.alloc(width - s.length)]);
  const amount = Buffer.alloc(10);
  amount.writeBigUInt64BE(BigInt(minor));
  amount.writeUInt16BE(currency, 8);
  const mac = createHmac("sha256", key)
    .update(Buffer.concat([Buffer.from("countersign cavv v1\0"), head, Buffer.from(pan), text(acceptor, 35), amount, text(trans, 36)]))
    .digest();
  return Buffer.concat([head, mac.subarray(0, 16)]);
}

const key = (b) => Buffer.from(Array.from({ length: 32 }, (_, i) => (b + i) & 0xff));
const base = {
  index: 7, key: key(0x10), method: 2, pan: "0123456789abcdef", acceptor: "KNIGAMIR0000001", minor: 2340, currency: 978,
  trans: "6a1f0c4e-3d6b-4a6e-9f0a-5b7c2d1e8f90", at: "2026-11-22T15:40:07Z",
};
for (const [name, edit] of [
  ["code by SMS", {}],
  ["zero yen by SPC", { index: 255, key: key(0x80), method: 14, minor: 0, currency: 392 }],
  ["largest amount, shortest texts, first hour", { method: 15, minor: "9223372036854775807", acceptor: "", trans: "", at: "2020-01-01T00:59:59Z" }],
]) {
  const v = value({ ...base, ...edit });
  console.log(v.toString("hex"), v.toString("base64"), name);
}
