/**
 * The socket of the GDB stub: one GDB at a time, on the loopback address. While the guest runs, a slice at a time, it listens for Ctrl-C.
 *
 * A GDB that detaches lets the guest run on by itself; the next one finds it stopped where it had come to. One that goes away
 * without a word leaves it where it is. Either way its breakpoints go with it; marks stay.
 */
import { createServer, type Socket } from 'node:net';
import { UserError } from '../../emulator/errors.ts';
import type { Debugger } from './debugger.ts';
import { FreeRun } from './free-run.ts';
import { frame, PacketReader } from './gdb-packets.ts';
import { GdbStub, type RunRequest } from './gdb-stub.ts';

export const DEFAULT_GDB_PORT = 1234;
/** Instructions between looks at the socket. */
const SLICE = 1_000_000;

export interface GdbServerOptions {
  readonly debugged: Debugger;
  readonly port: number;
  /** Called with the port when it listens (0 asks the host for a free one). */
  readonly onListening: (port: number) => void;
  /** Called between slices: what was printed goes out. */
  readonly onSlice: () => void;
}

/** Serves until GDB kills the machine or the guest ends it. Returns the guest's exit code. */
export function serveGdb(options: GdbServerOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    let busy = false;
    const finish = (code: number): void => {
      run.stop();
      server.close();
      resolve(code);
    };
    const { onSlice, debugged } = options;
    const run = new FreeRun({ time: debugged.time, onSlice, onEnd: ({ code }) => finish(code) });
    const server = createServer((socket) => {
      if (busy) {
        socket.destroy();
        return;
      }
      busy = true;
      run.stop();
      const session = new GdbSession(socket, options, (code) => {
        socket.end();
        finish(code);
      });
      socket.on('close', () => {
        busy = false;
        session.close();
        if (session.detached) run.start();
      });
      socket.on('error', () => socket.destroy());
    });
    server.on('error', (error: NodeJS.ErrnoException) =>
      reject(new UserError(`--gdb ${options.port}: cannot listen (${error.code})`)),
    );
    server.listen(options.port, '127.0.0.1', () => {
      const address = server.address();
      options.onListening(typeof address === 'object' && address !== null ? address.port : options.port);
    });
  });
}

class GdbSession {
  private readonly reader = new PacketReader();
  private readonly stub: GdbStub;
  private acknowledge = true;
  private running: RunRequest | undefined;
  private interrupt = false;
  private closed = false;
  /** GDB has said that the guest may go on without it. */
  detached = false;

  constructor(
    private readonly socket: Socket,
    private readonly options: GdbServerOptions,
    private readonly end: (code: number) => void,
  ) {
    this.stub = new GdbStub(options.debugged);
    socket.setEncoding('latin1');
    socket.setNoDelay(true);
    socket.on('data', (text) => this.onData(String(text)));
  }

  close(): void {
    this.closed = true;
    this.stub.release();
  }

  private send(data: string): void {
    this.socket.write(frame(data), 'latin1');
  }

  private onData(text: string): void {
    for (const incoming of this.reader.push(text)) {
      if (incoming.kind === 'interrupt') this.interrupt = true;
      else if (incoming.kind === 'damaged') this.socket.write('-');
      else {
        if (this.acknowledge) this.socket.write('+');
        this.onPacket(incoming.data);
      }
    }
  }

  private onPacket(data: string): void {
    const reply = this.stub.handle(data);
    if (typeof reply === 'string') {
      this.send(reply);
      if (data === 'QStartNoAckMode') this.acknowledge = false;
    } else if ('kind' in reply) {
      if (reply.reply !== '') this.send(reply.reply);
      this.detached = reply.kind === 'detach';
      if (reply.kind === 'kill') this.end(0);
      else this.socket.end();
    } else {
      this.interrupt = false;
      this.running = reply;
      this.stub.begin();
      setImmediate(() => this.slice());
    }
  }

  private slice(): void {
    if (this.closed || !this.running) return;
    const stop = this.interrupt ? this.stub.interrupted() : this.stub.run(this.running, SLICE);
    this.options.onSlice();
    if (stop === undefined) {
      setImmediate(() => this.slice());
      return;
    }
    this.running = undefined;
    this.send(stop);
    if (stop.startsWith('W')) this.end(Number.parseInt(stop.slice(1), 16));
  }
}
