// HPKE (RFC 9180), mode base, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, over WebCrypto.
// One message per context, so the sequence number is always 0. The same as Go's pay/sealed.

type Bytes = Uint8Array<ArrayBuffer>;

const text = new TextEncoder();
const KEM_SUITE = [75, 69, 77, 0, 0x20]; // "KEM", 0x0020
const SUITE = [72, 80, 75, 69, 0, 0x20, 0, 1, 0, 2]; // "HPKE", 0x0020, 0x0001, 0x0002
const NONE = new Uint8Array(0);

export const bytes = (s: string): Bytes => text.encode(s);

export function join(...parts: ArrayLike<number>[]): Bytes {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

async function hmac(key: Bytes, data: Bytes): Promise<Bytes> {
  // HMAC pads its key with zeros: 32 zero bytes are the empty key, which WebCrypto refuses.
  const k = await crypto.subtle.importKey("raw", key.length ? key : new Uint8Array(32), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", k, data));
}

const extract = (suite: number[], salt: Bytes, label: string, ikm: Bytes) =>
  hmac(salt, join(bytes("HPKE-v1"), suite, bytes(label), ikm));

// expand gives at most 32 bytes: one block of HKDF-Expand is enough here.
const expand = async (suite: number[], prk: Bytes, label: string, info: Bytes, size: number) =>
  (await hmac(prk, join([0, size], bytes("HPKE-v1"), suite, bytes(label), info, [1]))).slice(0, size);

const importPublic = (raw: Bytes) => crypto.subtle.importKey("raw", raw, "X25519", true, []);

async function shared(own: CryptoKey, theirs: CryptoKey, enc: Bytes, recipient: Bytes): Promise<Bytes> {
  const dh = new Uint8Array(await crypto.subtle.deriveBits({ name: "X25519", public: theirs }, own, 256));
  const prk = await extract(KEM_SUITE, NONE, "eae_prk", dh);
  return expand(KEM_SUITE, prk, "shared_secret", join(enc, recipient), 32);
}

async function schedule(secret: Bytes, info: Bytes, usage: KeyUsage): Promise<[CryptoKey, Bytes]> {
  const context = join([0], await extract(SUITE, NONE, "psk_id_hash", NONE), await extract(SUITE, NONE, "info_hash", info));
  const prk = await extract(SUITE, secret, "secret", NONE);
  const key = await crypto.subtle.importKey("raw", await expand(SUITE, prk, "key", context, 32), "AES-GCM", false, [usage]);
  return [key, await expand(SUITE, prk, "base_nonce", context, 12)];
}

/** seal encrypts plain to an X25519 public key and gives enc ‖ ciphertext. */
export async function seal(recipient: Bytes, info: string, aad: Bytes, plain: Bytes): Promise<Bytes> {
  const pair = (await crypto.subtle.generateKey("X25519", true, ["deriveBits"])) as CryptoKeyPair;
  const enc = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const secret = await shared(pair.privateKey, await importPublic(recipient), enc, recipient);
  const [key, iv] = await schedule(secret, bytes(info), "encrypt");
  return join(enc, new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: aad }, key, plain)));
}

/** A key pair to which others seal. The private key cannot be exported. */
export async function keyPair(): Promise<{ pair: CryptoKeyPair; public: Bytes }> {
  const pair = (await crypto.subtle.generateKey("X25519", false, ["deriveBits"])) as CryptoKeyPair;
  return { pair, public: new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)) };
}

/** open decrypts what was sealed to the pair; it throws when it does not open. */
export async function open(own: { pair: CryptoKeyPair; public: Bytes }, info: string, aad: Bytes, data: Bytes): Promise<Bytes> {
  const enc = data.slice(0, 32);
  const secret = await shared(own.pair.privateKey, await importPublic(enc), enc, own.public);
  const [key, iv] = await schedule(secret, bytes(info), "decrypt");
  return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData: aad }, key, data.slice(32)));
}

/** able says whether this browser has X25519 and AES-GCM in a secure page. */
export async function able(): Promise<boolean> {
  try {
    await keyPair();
    return true;
  } catch {
    return false;
  }
}

/** base64url without padding, both ways. */
export const encode = (b: Bytes): string =>
  btoa(String.fromCharCode(...b)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

export const decode = (s: string): Bytes =>
  Uint8Array.from(atob(s.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
