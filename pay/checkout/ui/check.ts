// What is wrong with what was typed: a sentence, or "" when nothing is. The sentences never repeat
// what was typed.
import { brandOf, luhn } from "./brand";

export const digitsOf = (s: string): string => s.replace(/\D/g, "");

const FALLBACK = [16, 19];

/** The card number. done = the shopper has left the field, so a short number is a mistake. */
export function checkNumber(value: string, done: boolean): string {
  const d = digitsOf(value), brand = brandOf(d), lengths = brand?.lengths ?? FALLBACK;
  if (/[^\d\s.\-\u00a0]/.test(value)) return "The card number has digits only.";
  if (!d) return done ? "Enter the card number." : "";
  if (d.length > Math.max(...lengths)) return "The card number is too long.";
  const complete = brand ? lengths.includes(d.length) : d.length > 11;
  if (!complete) return done ? "The card number is not complete." : "";
  const bad = (brand?.luhn ?? true) && !luhn(d);
  if (bad && (done || d.length === Math.max(...lengths))) return "This card number has a mistake in it. Please compare it with the card.";
  return "";
}

/** expiryOf reads 11/29, 1129, 1/29, 11-2029 or 2029-11 (as browsers fill it) as YYMM; "" when it is neither. */
export function expiryOf(value: string): string {
  const v = value.trim();
  let m = /^(\d{4})\D+(\d{1,2})$/.exec(v);
  let [year, month] = m ? [m[1], m[2]] : ["", ""];
  if (!m) {
    m = /^(\d{1,2})\s*\D\s*(\d{2}|\d{4})$/.exec(v) ?? /^(\d{2})(\d{2}|\d{4})$/.exec(v);
    if (!m) return "";
    [month, year] = [m[1], m[2]];
  }
  const n = Number(month);
  if (n < 1 || n > 12 || (year.length === 4 && !year.startsWith("20"))) return "";
  return year.slice(-2) + String(n).padStart(2, "0");
}

/** The expiry date against the shopper's clock; a card is good until its month is over. */
export function checkExpiry(value: string, done: boolean, now = new Date()): string {
  const typed = digitsOf(value);
  if (!typed) return done ? "Enter the expiry date of the card." : "";
  const yymm = expiryOf(value);
  if (!yymm) return done || typed.length > 3 ? "Enter the expiry date as month and year, such as 11 / 29." : "";
  const months = (2000 + Number(yymm.slice(0, 2))) * 12 + Number(yymm.slice(2)) - 1;
  const today = now.getFullYear() * 12 + now.getMonth();
  if (months < today) return "This card has expired. Please use another one.";
  if (months > today + 12 * 20) return "The expiry date is too far away. Please compare it with the card.";
  return "";
}

/** The security code of the card whose number was typed. */
export function checkCode(value: string, number: string, done: boolean): string {
  const brand = brandOf(digitsOf(number)), want = brand?.digits ?? 3, v = value.trim();
  if (!v) return done && !brand?.optional ? "Enter the security code." : "";
  if (/\D/.test(v)) return "The security code has digits only.";
  if (v.length > want) return `The security code of this card has ${want} digits.`;
  if (v.length < want) return done ? `The security code of this card has ${want} digits.` : "";
  return "";
}

/** The holder's name. It is shown to the shop, so nothing that looks like a card number may be in it. */
export function checkName(value: string, done: boolean): string {
  const v = value.trim();
  if (!v) return done ? "Enter the name on the card." : "";
  if (digitsOf(v).length > 5) return "This looks like a number. Enter the name on the card here.";
  if (v.length > 45) return done ? "Enter at most 45 characters of the name." : "";
  if (v.length < 2) return done ? "Enter the name on the card." : "";
  return "";
}
