/**
 * Ed25519 (RFC 8032): verifying and making signatures. Not constant in time: whoever can time this machine can read its
 * memory as well. All state is on the stack, so threads and harts do not disturb one another.
 */
import {
  Fe,
  feAdd,
  feCopy,
  feEqual,
  feFromBytes,
  feInvert,
  feIsOdd,
  feMul,
  fePower22523,
  feSet,
  feSquare,
  feSub,
  feToBytes,
} from './field25519.ts';
import { Sha512 } from './sha512.ts';

/** d and 2d of the curve −x² + y² = 1 + d·x²·y², √−1, and the base point, in limbs of 51 bits. */
const D: Fe = [0x34dca135978a3, 0x1a8283b156ebd, 0x5e7a26001c029, 0x739c663a03cbb, 0x52036cee2b6ff];
const D2: Fe = [0x69b9426b2f159, 0x35050762add7a, 0x3cf44c0038052, 0x6738cc7407977, 0x2406d9dc56dff];
const SQRT_M1: Fe = [0x61b274a0ea0b0, 0xd5a5fc8f189d, 0x7ef5e9cbd0c60, 0x78595a6804c9e, 0x2b8324804fc1d];
const BASE_X: Fe = [0x62d608f25d51a, 0x412a4b4f6592a, 0x75b7171a4b31d, 0x1ff60527118fe, 0x216936d3cd6e5];
const BASE_Y: Fe = [0x6666666666658, 0x4cccccccccccc, 0x1999999999999, 0x3333333333333, 0x6666666666666];
/** Order of the base point. */
const ORDER: FixedArray<u64, 4> = [
  0x5812631a5cf5d3ed, 0x14def9dea2f79cd6, 0x0000000000000000, 0x1000000000000000,
];

/** A point in extended coordinates: x = X/Z, y = Y/Z, x·y = T/Z (RFC 8032 §5.1.4). */
class Point {
  readonly x: FixedArray<u64, 5>;
  readonly y: FixedArray<u64, 5>;
  readonly z: FixedArray<u64, 5>;
  readonly t: FixedArray<u64, 5>;
}

type Scalar = FixedArray<u64, 4>;

function setIdentity(p: Point): void {
  feSet(p.x, 0);
  feSet(p.y, 1);
  feSet(p.z, 1);
  feSet(p.t, 0);
}

function setBase(p: Point): void {
  feCopy(p.x, BASE_X);
  feCopy(p.y, BASE_Y);
  feSet(p.z, 1);
  feMul(p.t, p.x, p.y);
}

function addPoints(r: Point, p: Point, q: Point): void {
  const a = stack<Fe>();
  const b = stack<Fe>();
  const c = stack<Fe>();
  const d = stack<Fe>();
  const e = stack<Fe>();
  const f = stack<Fe>();
  feSub(e, p.y, p.x);
  feSub(f, q.y, q.x);
  feMul(a, e, f);
  feAdd(e, p.y, p.x);
  feAdd(f, q.y, q.x);
  feMul(b, e, f);
  feMul(c, p.t, D2);
  feMul(c, c, q.t);
  feMul(d, p.z, q.z);
  feAdd(d, d, d);
  feSub(e, b, a);
  feSub(f, d, c);
  feAdd(d, d, c);
  feAdd(b, b, a);
  feMul(r.x, e, f);
  feMul(r.y, d, b);
  feMul(r.t, e, b);
  feMul(r.z, f, d);
}

function doublePoint(r: Point, p: Point): void {
  const a = stack<Fe>();
  const b = stack<Fe>();
  const c = stack<Fe>();
  const e = stack<Fe>();
  const h = stack<Fe>();
  feSquare(a, p.x);
  feSquare(b, p.y);
  feSquare(c, p.z);
  feAdd(c, c, c);
  feAdd(h, a, b);
  feAdd(e, p.x, p.y);
  feSquare(e, e);
  feSub(e, h, e);
  feSub(a, a, b);
  feAdd(c, c, a);
  feMul(r.x, e, c);
  feMul(r.y, a, h);
  feMul(r.t, e, h);
  feMul(r.z, c, a);
}

function negatePoint(p: Point): void {
  const zero = stack<Fe>();
  feSub(p.x, zero, p.x);
  feSub(p.t, zero, p.t);
}

function encodePoint(out: usize, p: Point): void {
  const inverse = stack<Fe>();
  const x = stack<Fe>();
  const y = stack<Fe>();
  feInvert(inverse, p.z);
  feMul(x, p.x, inverse);
  feMul(y, p.y, inverse);
  feToBytes(out, y);
  if (feIsOdd(x)) store<u8>(out, load<u8>(out, 31) | 0x80, 31);
}

/** False: the 32 bytes are no point of the curve (RFC 8032 §5.1.3). */
function decodePoint(p: Point, from: usize): bool {
  const u = stack<Fe>();
  const v = stack<Fe>();
  const v3 = stack<Fe>();
  const check = stack<Fe>();
  const zero = stack<Fe>();
  feFromBytes(p.y, from);
  const canonical = stack<FixedArray<u64, 4>>();
  feToBytes(addressOf(canonical), p.y);
  if (
    canonical[3] !== (load<u64>(from, 24) & 0x7fff_ffff_ffff_ffff) ||
    memory.compare(addressOf(canonical), from, 24) !== 0
  )
    return false;
  feSet(p.z, 1);
  feSquare(u, p.y);
  feMul(v, u, D);
  feSub(u, u, p.z);
  feAdd(v, v, p.z);
  feSquare(v3, v);
  feMul(v3, v3, v);
  feSquare(p.x, v3);
  feMul(p.x, p.x, v);
  feMul(p.x, p.x, u);
  fePower22523(p.x, p.x);
  feMul(p.x, p.x, v3);
  feMul(p.x, p.x, u);
  feSquare(check, p.x);
  feMul(check, check, v);
  if (!feEqual(check, u)) {
    feSub(u, zero, u);
    if (!feEqual(check, u)) return false;
    feMul(p.x, p.x, SQRT_M1);
  }
  const sign = (load<u8>(from, 31) & 0x80) !== 0;
  if (sign && feEqual(p.x, zero)) return false;
  if (feIsOdd(p.x) !== sign) feSub(p.x, zero, p.x);
  feMul(p.t, p.x, p.y);
  return true;
}

function bitOf(s: Scalar, i: u64): u64 {
  return (unchecked(s[i >> 6]) >> (i & 63)) & 1;
}

/** r = a·P + b·Q. */
function combine(r: Point, a: Scalar, p: Point, b: Scalar, q: Point): void {
  const both = stack<Point>();
  addPoints(both, p, q);
  setIdentity(r);
  for (let i: u64 = 256; i > 0; i--) {
    doublePoint(r, r);
    const bits = bitOf(a, i - 1) | (bitOf(b, i - 1) << 1);
    if (bits === 1) addPoints(r, r, p);
    else if (bits === 2) addPoints(r, r, q);
    else if (bits === 3) addPoints(r, r, both);
  }
}

function notBelowOrder(s: Scalar): bool {
  for (let i: u64 = 4; i > 0; i--) {
    if (s[i - 1] !== ORDER[i - 1]) return s[i - 1] > ORDER[i - 1];
  }
  return true;
}

function subtractOrder(s: Scalar): void {
  let borrow: u64 = 0;
  for (let i: u64 = 0; i < 4; i++) {
    const part = s[i] - ORDER[i];
    const under = u64(s[i] < ORDER[i]);
    s[i] = part - borrow;
    borrow = under | u64(part < borrow);
  }
}

/** s = 2·s + bit, modulo the order. */
function shiftIn(s: Scalar, bit: u64): void {
  s[3] = (s[3] << 1) | (s[2] >> 63);
  s[2] = (s[2] << 1) | (s[1] >> 63);
  s[1] = (s[1] << 1) | (s[0] >> 63);
  s[0] = (s[0] << 1) | bit;
  if (notBelowOrder(s)) subtractOrder(s);
}

/** s = s + a, modulo the order; both below it. */
function addScalar(s: Scalar, a: Scalar): void {
  let over: u64 = 0;
  for (let i: u64 = 0; i < 4; i++) {
    const sum = s[i] + a[i];
    const carried = u64(sum < a[i]);
    s[i] = sum + over;
    over = carried | u64(s[i] < over);
  }
  if (notBelowOrder(s)) subtractOrder(s);
}

/** The 64 bytes of a digest, modulo the order. */
function reduce(s: Scalar, digest: FixedArray<u64, 8>): void {
  for (let i: u64 = 0; i < 4; i++) s[i] = 0;
  for (let i: u64 = 512; i > 0; i--) shiftIn(s, (digest[(i - 1) >> 6] >> ((i - 1) & 63)) & 1);
}

/** `r` = the hash of three pieces, one after the other, modulo the order. */
function hashToScalar(r: Scalar, first: usize, second: usize, message: usize, size: u64): void {
  const hash = stack<Sha512>();
  const digest = stack<FixedArray<u64, 8>>();
  hash.begin();
  hash.update(first, 32);
  if (second !== 0) hash.update(second, 32);
  hash.update(message, size);
  hash.finish(addressOf(digest));
  reduce(r, digest);
}

/** Is `signature` (64 bytes) that of `key` (32 bytes) over the message? */
export function verifyEd25519(key: usize, message: usize, size: u64, signature: usize): bool {
  const s = stack<FixedArray<u64, 4>>();
  for (let i: u64 = 0; i < 4; i++) s[i] = load<u64>(signature + 32 + i * 8);
  if (notBelowOrder(s)) return false;
  const a = stack<Point>();
  if (!decodePoint(a, key)) return false;
  const h = stack<FixedArray<u64, 4>>();
  hashToScalar(h, signature, key, message, size);
  negatePoint(a);
  const base = stack<Point>();
  setBase(base);
  const r = stack<Point>();
  combine(r, s, base, h, a);
  const encoded = stack<FixedArray<u64, 4>>();
  encodePoint(addressOf(encoded), r);
  return memory.compare(addressOf(encoded), signature, 32) === 0;
}

/** What a seed expands to (RFC 8032 §5.1.5): the scalar, and the prefix for nonces. */
class Expanded {
  readonly digest: FixedArray<u64, 8>;
  readonly scalar: FixedArray<u64, 4>;
}

function expandSeed(expanded: Expanded, seed: usize): void {
  const hash = stack<Sha512>();
  const digest: FixedArray<u64, 8> = expanded.digest;
  hash.begin();
  hash.update(seed, 32);
  hash.finish(addressOf(digest));
  digest[0] &= 0xffff_ffff_ffff_fff8;
  digest[3] = (digest[3] & 0x7fff_ffff_ffff_ffff) | 0x4000_0000_0000_0000;
  for (let i: u64 = 0; i < 4; i++) expanded.scalar[i] = 0;
  for (let i: u64 = 256; i > 0; i--) shiftIn(expanded.scalar, (digest[(i - 1) >> 6] >> ((i - 1) & 63)) & 1);
}

function multiplyBase(out: usize, s: Scalar): void {
  const base = stack<Point>();
  setBase(base);
  const none = stack<Point>();
  setIdentity(none);
  const zero = stack<FixedArray<u64, 4>>();
  const r = stack<Point>();
  combine(r, s, base, zero, none);
  encodePoint(out, r);
}

/** The public key (32 bytes) of a seed (32 bytes). */
export function publicKeyEd25519(out: usize, seed: usize): void {
  const expanded = stack<Expanded>();
  expandSeed(expanded, seed);
  multiplyBase(out, expanded.scalar);
}

/** Signs: 64 bytes to `signature`. */
export function signEd25519(signature: usize, seed: usize, message: usize, size: u64): void {
  const key = stack<FixedArray<u64, 4>>();
  const expanded = stack<Expanded>();
  expandSeed(expanded, seed);
  multiplyBase(addressOf(key), expanded.scalar);
  const r = stack<FixedArray<u64, 4>>();
  hashToScalar(r, addressOf(expanded.digest) + 32, 0, message, size);
  multiplyBase(signature, r);
  const k = stack<FixedArray<u64, 4>>();
  hashToScalar(k, signature, addressOf(key), message, size);
  // s = r + k·scalar, by bits of k.
  const product = stack<FixedArray<u64, 4>>();
  for (let i: u64 = 256; i > 0; i--) {
    shiftIn(product, 0);
    if (bitOf(k, i - 1) !== 0) addScalar(product, expanded.scalar);
  }
  addScalar(product, r);
  for (let i: u64 = 0; i < 4; i++) store<u64>(signature + 32 + i * 8, product[i]);
}
