/**
 * State values as bytes, and back: a self-describing binary form. Every value is a type byte and its content:
 *
 *   'z' null · 't' true · 'f' false · 'i' 32-bit signed integer · 'd' 64-bit float
 *   's' u32 bytes, UTF-8 · 'b' u32 bytes · 'a' u32 items · 'o' u32 fields, each a string (u32, UTF-8) and a value
 *
 * All numbers are little-endian.
 */
import type { StateValue } from './bus.ts';

class Writer {
  private bytes = new Uint8Array(1 << 16);
  private view = new DataView(this.bytes.buffer);
  private length = 0;

  private room(count: number): number {
    const at = this.length;
    this.length += count;
    if (this.length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length));
      larger.set(this.bytes.subarray(0, at));
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    }
    return at;
  }

  type(letter: string): void {
    const at = this.room(1);
    this.bytes[at] = letter.charCodeAt(0);
  }
  u32(value: number): void {
    const at = this.room(4);
    this.view.setUint32(at, value, true);
  }
  i32(value: number): void {
    const at = this.room(4);
    this.view.setInt32(at, value, true);
  }
  f64(value: number): void {
    const at = this.room(8);
    this.view.setFloat64(at, value, true);
  }
  sized(bytes: Uint8Array): void {
    this.u32(bytes.length);
    const at = this.room(bytes.length);
    this.bytes.set(bytes, at);
  }
  done(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}

const UTF8 = new TextEncoder();

function write(to: Writer, value: StateValue): void {
  if (value === null) to.type('z');
  else if (typeof value === 'boolean') to.type(value ? 't' : 'f');
  else if (typeof value === 'number') {
    if ((value | 0) === value && !Object.is(value, -0)) {
      to.type('i');
      to.i32(value);
    } else {
      to.type('d');
      to.f64(value);
    }
  } else if (typeof value === 'string') {
    to.type('s');
    to.sized(UTF8.encode(value));
  } else if (value instanceof Uint8Array) {
    to.type('b');
    to.sized(value);
  } else if (Array.isArray(value)) {
    to.type('a');
    to.u32(value.length);
    for (const item of value as readonly StateValue[]) write(to, item);
  } else {
    const fields = Object.entries(value as { readonly [name: string]: StateValue });
    to.type('o');
    to.u32(fields.length);
    for (const [name, item] of fields) {
      to.sized(UTF8.encode(name));
      write(to, item);
    }
  }
}

export function encodeState(value: StateValue): Uint8Array {
  const writer = new Writer();
  write(writer, value);
  return writer.done();
}

/** @throws Error when the bytes are not what `encodeState` gives */
export function decodeState(encoded: Uint8Array): StateValue {
  // A plain Uint8Array even if a Buffer came in: a Buffer's `slice` would not copy.
  const bytes = new Uint8Array(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = new TextDecoder('utf-8', { fatal: true });
  let at = 0;
  const take = (count: number): number => {
    const start = at;
    if (count > bytes.length - at) throw new Error(`it ends within a value, at byte ${at}`);
    at += count;
    return start;
  };
  const sized = (): Uint8Array => {
    const length = view.getUint32(take(4), true);
    const start = take(length);
    return bytes.subarray(start, start + length);
  };
  const read = (): StateValue => {
    const letter = String.fromCharCode(bytes[take(1)]!);
    switch (letter) {
      case 'z':
        return null;
      case 't':
        return true;
      case 'f':
        return false;
      case 'i':
        return view.getInt32(take(4), true);
      case 'd':
        return view.getFloat64(take(8), true);
      case 's':
        return text.decode(sized());
      case 'b':
        return sized();
      case 'a': {
        const count = view.getUint32(take(4), true);
        const items: StateValue[] = [];
        for (let i = 0; i < count; i++) items.push(read());
        return items;
      }
      case 'o': {
        const count = view.getUint32(take(4), true);
        const object: Record<string, StateValue> = {};
        for (let i = 0; i < count; i++) {
          const name = text.decode(sized());
          object[name] = read();
        }
        return object;
      }
      default:
        throw new Error(`unknown type ${JSON.stringify(letter)} at byte ${at - 1}`);
    }
  };
  const value = read();
  if (at !== bytes.length) throw new Error(`${bytes.length - at} bytes follow its end`);
  return value;
}
