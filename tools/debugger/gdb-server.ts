/**
 * The socket of the GDB stub: one GDB at a time, on the loopback address. While the guest runs, a slice at a time, it listens for Ctrl-C.
 * A GDB that detaches or goes away leaves the machine stopped until the next one comes.
 */
import { createServer, type Socket } from 'node:net';
import { UserError } from '../../emulator/errors.ts';
import { frame, PacketReader } from './gdb-packets.ts';
import { GdbStub, type RunRequest } from './gdb-stub.ts';
import type { TimeTravel } from './time-travel.ts';

/** Instructions between looks at the socket. */
const SLICE = 1_000_000;

export interface GdbServerOptions {
  readonly time: TimeTravel;
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
    const server = createServer((socket) => {
      if (busy) {
        socket.destroy();
        return;
      }
      busy = true;
      const session = new GdbSession(socket, options, (code) => {
        server.close();
        socket.end();
        resolve(code);
      });
      socket.on('close', () => {
        busy = false;
        session.close();
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

  constructor(
    private readonly socket: Socket,
    private readonly options: GdbServerOptions,
    private readonly end: (code: number) => void,
  ) {
    this.stub = new GdbStub(options.time);
    socket.setEncoding('latin1');
    socket.setNoDelay(true);
    socket.on('data', (text) => this.onData(String(text)));
  }

  close(): void {
    this.closed = true;
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
