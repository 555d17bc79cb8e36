/**
 * What the guest prints, on its way to the host: gathered and written in large pieces, whole and in order, also when
 * the reader of a pipe is slow. A reader that has gone away is not an error of ours.
 */
import { writeSync } from 'node:fs';

const CAPACITY = 16 * 1024;
const RETRY_MS = 2;

export class OutputBuffer {
  private readonly buffer = new Uint8Array(CAPACITY);
  private used = 0;
  private readonly sleeper = new Int32Array(new SharedArrayBuffer(4));
  /** The reader has gone away; whatever is printed from now on goes nowhere. */
  closed = false;

  /** While it says true, what is printed was printed before (a run that went back in time) and is dropped. */
  muted: (() => boolean) | undefined;

  constructor(private readonly fd: number) {}

  put(byte: number): void {
    if (this.muted?.()) return;
    this.buffer[this.used++] = byte;
    if (this.used === CAPACITY) this.flush();
  }

  write(bytes: Uint8Array): void {
    for (const byte of bytes) this.put(byte);
  }

  flush(): void {
    let start = 0;
    while (start < this.used && !this.closed) {
      try {
        start += writeSync(this.fd, this.buffer, start, this.used - start);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EAGAIN') Atomics.wait(this.sleeper, 0, 0, RETRY_MS);
        else if (code === 'EPIPE') this.closed = true;
        else throw error;
      }
    }
    this.used = 0;
  }
}
