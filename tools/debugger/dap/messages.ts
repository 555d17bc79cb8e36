/**
 * Messages of the Debug Adapter Protocol: a header `Content-Length: N`, an empty line, and N bytes of JSON. Only their form;
 * what they mean is in adapter.ts.
 */

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json | undefined };
export type JsonObject = { readonly [name: string]: Json | undefined };

export interface Request {
  readonly seq: number;
  readonly type: 'request';
  readonly command: string;
  readonly arguments?: JsonObject;
}

/** A message as bytes. */
export function encodeMessage(message: object): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  return Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]);
}

const HEADER_END = '\r\n\r\n';

/** Takes messages from a stream of bytes, however it is cut. */
export class MessageReader {
  private rest = Buffer.alloc(0);

  /** The messages that are complete now. @throws SyntaxError when something else is sent */
  push(chunk: Uint8Array): unknown[] {
    this.rest = Buffer.concat([this.rest, chunk]);
    const messages: unknown[] = [];
    for (;;) {
      const end = this.rest.indexOf(HEADER_END);
      if (end < 0) return messages;
      const length = /^content-length: *(\d+)$/im.exec(this.rest.subarray(0, end).toString('latin1'))?.[1];
      if (length === undefined) throw new SyntaxError('a message without Content-Length');
      const start = end + HEADER_END.length;
      const stop = start + Number(length);
      if (this.rest.length < stop) return messages;
      const text = this.rest.subarray(start, stop).toString();
      this.rest = this.rest.subarray(stop);
      messages.push(JSON.parse(text));
    }
  }
}

/** A field of a request's arguments as what it must be; absent, or of another type: undefined. */
export const textOf = (args: JsonObject, name: string): string | undefined => {
  const value = args[name];
  return typeof value === 'string' ? value : undefined;
};
export const numberOf = (args: JsonObject, name: string): number | undefined => {
  const value = args[name];
  return typeof value === 'number' ? value : undefined;
};
export const flagOf = (args: JsonObject, name: string): boolean => args[name] === true;
export const listOf = (args: JsonObject, name: string): readonly JsonObject[] => {
  const value = args[name];
  return Array.isArray(value)
    ? (value as readonly JsonObject[]).filter((one) => typeof one === 'object')
    : [];
};
export const objectOf = (args: JsonObject, name: string): JsonObject => {
  const value = args[name];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
};
