// Which brand a card number belongs to, by its first digits; the longest prefix wins.
// One line per brand: id | name | prefixes and ranges | lengths | digits of the code ('?' = some cards have none).
// A test compares this with the table of facts in testdata/brands.json.
const TABLE = `
visa|Visa|4|13,16,18,19|3
mastercard|Mastercard|51-55,222100-272099|16|3
amex|American Express|34,37|15|4
diners|Diners Club|300-305,36,38,39|14,16,19|3
discover|Discover|6011,644-649,65|16,19|3
jcb|JCB|3528-3589|16,17,18,19|3
unionpay|UnionPay|62,810-817|14,15,16,17,18,19|3
maestro|Maestro|493698,500000-504174,504176-506698,506779-508999,56-59,63,67|12,13,14,15,16,17,18,19|3?
mir|Mir|2200-2204|16,17,18,19|3
elo|Elo|401178,401179,431274,438935,451416,457393,457631,457632,504175,506699-506778,509000-509999,627780,636297,636368,650031-650033,650035-650051,650405-650439,650485-650538,650541-650598,650700-650718,650720-650727,650901-650978,651652-651679,655000-655019,655021-655058|16|3
verve|Verve|506099-506198,507865-507964|16,18,19|3
hipercard|Hipercard|606282|16|3
hiper|Hiper|637095,63737423,63743358,637568,637599,637609,637612|16|3
rupay|RuPay|60,6521,6522,81,82,508|16|3
troy|Troy|9792|16|3
uatp|UATP|1|15|0?
demo|Demo Bank|9|16|3
`;

export interface Brand {
  id: string;
  name: string;
  lengths: number[];
  digits: number; // of the security code
  optional: boolean; // the code
  luhn: boolean;
}

interface Row {
  brand: Brand;
  low: string;
  high: string;
}

const rows: Row[] = TABLE.trim().split("\n").flatMap((line) => {
  const [id, name, prefixes, lengths, code] = line.split("|");
  const brand = {
    id, name, lengths: lengths.split(",").map(Number), digits: parseInt(code), optional: code.endsWith("?"),
    luhn: id !== "unionpay", // not guaranteed on old cards
  };
  return prefixes.split(",").map((p) => {
    const [low, high] = p.split("-");
    return { brand, low, high: high ?? low };
  });
});

/** brandOf is the brand of a number that may still be incomplete; undefined while it is open. */
export function brandOf(digits: string): Brand | undefined {
  let best: Row | undefined;
  for (const r of rows) {
    const head = digits.slice(0, r.low.length);
    if (head.length === r.low.length && head >= r.low && head <= r.high && (!best || r.low.length > best.low.length)) best = r;
  }
  return best?.brand;
}

/** luhn says whether the last digit is the right check digit (ISO/IEC 7812-1). */
export function luhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    let d = Number(digits[digits.length - 1 - i]);
    if (i % 2) d = d > 4 ? d * 2 - 9 : d * 2;
    sum += d;
  }
  return digits.length > 0 && sum % 10 === 0;
}

/** groups writes a number as it is printed: fours, or 4-6-5 for fifteen-digit brands. */
export function groups(digits: string, brand?: Brand): string {
  const sizes = brand?.id === "amex" ? [4, 6, 5, 4] : [4, 4, 4, 4, 3];
  let at = 0;
  return sizes.map((n) => digits.slice(at, (at += n))).filter(Boolean).join(" ");
}
