/**
 * The framing of GDB's remote protocol ("Remote Protocol", GDB manual): `$data#checksum`, acknowledgements, the Ctrl-C byte. Pure: bytes in,
 * packets out.
 */

/** What came in. */
export type Incoming =
  | { readonly kind: 'packet'; readonly data: string }
  /** Ctrl-C. */
  | { readonly kind: 'interrupt' }
  /** A packet with a wrong checksum; to be asked for again. */
  | { readonly kind: 'damaged' };

const INTERRUPT = '\x03';

function checksum(data: string): string {
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum = (sum + data.charCodeAt(i)) & 0xff;
  return sum.toString(16).padStart(2, '0');
}

/** A packet on the wire, special characters escaped. */
export function frame(data: string): string {
  const escaped = data.replace(/[#$}*]/g, (c) => `}${String.fromCharCode(c.charCodeAt(0) ^ 0x20)}`);
  return `$${escaped}#${checksum(escaped)}`;
}

/** Splits the byte stream (as latin1 text) into packets. */
export class PacketReader {
  private buffer = '';

  push(text: string): Incoming[] {
    this.buffer += text;
    const found: Incoming[] = [];
    for (;;) {
      const places = ['$', INTERRUPT].map((c) => this.buffer.indexOf(c)).filter((at) => at >= 0);
      const start = Math.min(...places);
      if (places.length === 0) {
        this.buffer = '';
        return found;
      }
      if (this.buffer[start] === INTERRUPT) {
        found.push({ kind: 'interrupt' });
        this.buffer = this.buffer.slice(start + 1);
        continue;
      }
      const end = this.buffer.indexOf('#', start);
      if (end < 0 || this.buffer.length < end + 3) {
        this.buffer = this.buffer.slice(start);
        return found;
      }
      const data = this.buffer.slice(start + 1, end);
      const sum = this.buffer.slice(end + 1, end + 3).toLowerCase();
      this.buffer = this.buffer.slice(end + 3);
      if (sum !== checksum(data)) found.push({ kind: 'damaged' });
      else {
        const plain = data.replace(/\}([\s\S])/g, (_, c: string) =>
          String.fromCharCode(c.charCodeAt(0) ^ 0x20),
        );
        found.push({ kind: 'packet', data: plain });
      }
    }
  }
}

export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
export const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

/** A value as GDB wants registers: little-endian hexadecimal. */
export function valueToHex(value: bigint, bytes: number): string {
  const out = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) out[i] = Number((value >> BigInt(8 * i)) & 0xffn);
  return toHex(out);
}

export function hexToValue(text: string): bigint {
  let value = 0n;
  const bytes = fromHex(text);
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  return value;
}
