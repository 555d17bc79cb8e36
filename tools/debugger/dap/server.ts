/**
 * The debug adapter over streams: `licorice dap` on standard input and output, and the socket of a guest that runs already
 * (`--dap PORT`), one editor at a time, on the loopback address. An editor that goes away lets the guest run on.
 */
import { createServer, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { UserError } from '../../../emulator/errors.ts';
import { KeyFilter } from '../../console/keys.ts';
import { FreeRun } from '../free-run.ts';
import type { Opened } from '../open.ts';
import { Adapter, type LiveGuest } from './adapter.ts';
import { encodeMessage, MessageReader, type Request } from './messages.ts';

/** Speaks with an editor until the adapter or the stream ends. One request after the other: each sees what the last one did. */
export async function speak(adapter: Adapter, input: Readable): Promise<void> {
  const reader = new MessageReader();
  let last = Promise.resolve();
  await new Promise<void>((done, failed) => {
    void adapter.end.then(done);
    input.on('data', (chunk: Buffer) => {
      try {
        for (const message of reader.push(chunk))
          last = last.then(() => adapter.handle(message as Request)).catch(failed);
      } catch (error) {
        failed(error);
      }
    });
    input.on('close', () => done());
    input.on('end', () => done());
  });
}

export interface DapServerOptions {
  readonly opened: Opened;
  readonly port: number;
  /** The keyboard. */
  readonly stdin?: NodeJS.ReadStream;
  /** The device that gets what is typed. */
  readonly inputDevice: string;
  /** Called with the port when it listens (0 asks the host for a free one). */
  readonly onListening: (port: number) => void;
  /** Called between slices: what was printed goes out. */
  readonly onSlice: () => void;
}

/** Runs the guest, and lets editors attach to it, until it ends or is ended. Returns its exit code. @throws UserError */
export async function serveDap(options: DapServerOptions): Promise<number> {
  const { opened, stdin, onSlice, inputDevice } = options;
  const { time } = opened.debugged;
  let keys: ((chunk: Buffer) => void) | undefined;
  const server = createServer();
  let editor: Socket | undefined;
  try {
    return await new Promise<number>((resolve, reject) => {
      const run = new FreeRun({ time, inputDevice, onSlice, onEnd: ({ code }) => resolve(code) });
      const live: LiveGuest = {
        opened,
        run,
        onSlice,
        kill: () => resolve(0),
      };
      server.on('connection', (socket) => {
        if (editor !== undefined) {
          socket.destroy();
          return;
        }
        editor = socket;
        const adapter = new Adapter((message) => socket.write(encodeMessage(message)), live);
        socket.on('error', () => socket.destroy());
        speak(adapter, socket)
          .catch(() => undefined) // whatever that was, it is no editor
          .then(() => adapter.release())
          .then(() => {
            editor = undefined;
            socket.end();
          }, reject);
      });
      server.on('error', (error: NodeJS.ErrnoException) =>
        reject(new UserError(`--dap ${options.port}: cannot listen (${error.code})`)),
      );
      server.listen(options.port, '127.0.0.1', () => {
        const address = server.address();
        options.onListening(typeof address === 'object' && address !== null ? address.port : options.port);
        run.start();
      });
      const filter = new KeyFilter();
      keys = (chunk) =>
        filter.feed(
          chunk,
          (bytes) => run.type(bytes),
          (command) => command === 'quit' && resolve(0),
        );
      if (stdin?.isTTY) stdin.setRawMode(true);
      stdin?.on('data', keys);
    });
  } finally {
    server.close();
    editor?.end();
    if (keys) stdin?.off('data', keys);
    if (stdin?.isTTY) stdin.setRawMode(false);
    stdin?.pause();
    stdin?.unref?.();
  }
}
