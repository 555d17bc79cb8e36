/**
 * A growing byte buffer with the number encodings of the WebAssembly binary format (little-endian scalars,
 * LEB128). It is the bottom of the translator's hot path: writing allocates nothing except when the buffer grows.
 */

const float32 = new Float32Array(1);
const float32Bytes = new Uint8Array(float32.buffer);
const float64 = new Float64Array(1);
const float64Bytes = new Uint8Array(float64.buffer);
const textEncoder = new TextEncoder();

/** 2^32 and 2^31, to split a safe integer in halves. */
const TWO_32 = 0x1_0000_0000;

export class ByteWriter {
  /** The bytes written so far are `buffer[0 … length)`; the buffer is replaced when it grows. */
  buffer: Uint8Array;
  length = 0;

  constructor(capacity = 256) {
    this.buffer = new Uint8Array(capacity);
  }

  /** Forgets the content and keeps the buffer. */
  reset(): void {
    this.length = 0;
  }

  /** A view (not a copy) of what has been written; valid until the next write. */
  bytes(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(needed, this.buffer.length * 2));
    grown.set(this.bytes());
    this.buffer = grown;
  }

  /** One byte (the low 8 bits of `value`). */
  u8(value: number): void {
    if (this.length === this.buffer.length) this.reserve(1);
    this.buffer[this.length++] = value;
  }

  /** Four bytes, little-endian. */
  u32le(value: number): void {
    this.reserve(4);
    const { buffer, length } = this;
    buffer[length] = value;
    buffer[length + 1] = value >>> 8;
    buffer[length + 2] = value >>> 16;
    buffer[length + 3] = value >>> 24;
    this.length = length + 4;
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Unsigned LEB128 of a 32-bit number (taken modulo 2^32). */
  uleb(value: number): void {
    this.reserve(5);
    const buffer = this.buffer;
    let at = this.length;
    let rest = value >>> 0;
    while (rest >= 0x80) {
      buffer[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    buffer[at++] = rest;
    this.length = at;
  }

  /** Signed LEB128 of a 32-bit number. */
  sleb32(value: number): void {
    this.reserve(5);
    const buffer = this.buffer;
    let at = this.length;
    let rest = value | 0;
    while (rest < -0x40 || rest >= 0x40) {
      buffer[at++] = (rest & 0x7f) | 0x80;
      rest >>= 7;
    }
    buffer[at++] = rest & 0x7f;
    this.length = at;
  }

  /** Signed LEB128 of the 64-bit number whose 32-bit halves are given. */
  sleb64Halves(low: number, high: number): void {
    let lo = low | 0;
    let hi = high | 0;
    while (hi !== lo >> 31 || lo < -0x40 || lo >= 0x40) {
      this.u8((lo & 0x7f) | 0x80);
      lo = (lo >>> 7) | (hi << 25);
      hi >>= 7;
    }
    this.u8(lo & 0x7f);
  }

  /** Signed LEB128 of an integer: a number within ±2^53, or a bigint (taken modulo 2^64). */
  sleb64(value: number | bigint): void {
    if (typeof value === 'number') {
      if ((value | 0) === value) this.sleb32(value);
      else this.sleb64Halves(value % TWO_32, Math.floor(value / TWO_32));
    } else {
      this.sleb64Halves(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
    }
  }

  f32(value: number): void {
    float32[0] = value;
    this.raw(float32Bytes);
  }

  f64(value: number): void {
    float64[0] = value;
    this.raw(float64Bytes);
  }

  /** A length-prefixed UTF-8 name. */
  name(text: string): void {
    const bytes = textEncoder.encode(text);
    this.uleb(bytes.length);
    this.raw(bytes);
  }
}
