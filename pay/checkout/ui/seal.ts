// Number to the vault, code to the issuing bank: both bound to this payment. See Go's pay/sealed.
import { bytes, decode, encode, seal } from "../../../ui/hpke";
import type { Config, Range } from "./wire";

export interface Card { number: string; expiry: string; code: string } // digits, YYMM, digits

const NUMBER_SIZE = 24, CODE_SIZE = 4;

/** rangeOf is the range that holds the number, padded to 19 digits; undefined when its bank is not connected. */
export const rangeOf = (ranges: Range[] | null, digits: string): Range | undefined => {
  const padded = digits.padEnd(19, "0");
  return ranges?.find((r) => r.start <= padded && padded <= r.end);
};

const padded = (s: string, size: number) => {
  const out = new Uint8Array(size);
  out.set(bytes(s));
  return out;
};

/** sealCard gives the two boxes as text: "v1.KEY.BASE64URL". The plaintext buffers are wiped. */
export async function sealCard(c: Config, bank: Range, card: Card): Promise<{ number: string; code: string }> {
  const bound = (kind: string) =>
    `countersign v1 ${kind}\npayment=${c.payment}\nmerchant=${c.acceptor}\namount=${c.amount}\ncurrency=${c.currency}\n`;
  const number = padded(card.number + "D" + card.expiry, NUMBER_SIZE);
  const code = padded(card.code, CODE_SIZE);
  const aad = bytes(bound("code") + `pan=${card.number}\nexpiry=${card.expiry}\n`);
  try {
    const box = (id: string, data: Uint8Array<ArrayBuffer>) => `v1.${id}.${encode(data)}`;
    return {
      number: box(c.vault.id, await seal(decode(c.vault.public), "countersign/v1/number", bytes(bound("number")), number)),
      code: box(bank.key_id, await seal(decode(bank.public), "countersign/v1/code", aad, code)),
    };
  } finally {
    for (const b of [number, code, aad]) b.fill(0);
  }
}
