/** A debug adapter that is another one's way to an editor: it passes on what comes from a guest that runs in another process. */
import { connect, type Socket } from 'node:net';
import { UserError } from '../../../emulator/errors.ts';
import { encodeMessage, MessageReader, type Request } from './messages.ts';

export class Relay {
  private readonly reader = new MessageReader();

  private constructor(
    private readonly socket: Socket,
    onMessage: (message: object) => void,
    onEnd: () => void,
  ) {
    socket.on('data', (chunk) => {
      try {
        for (const message of this.reader.push(chunk as Buffer)) onMessage(message as object);
      } catch {
        socket.destroy(); // it does not speak the protocol
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', onEnd);
  }

  /**
   * Connects to `licorice boot --dap PORT` or `licorice run --dap PORT` on this computer.
   * @param onEnd called when the other side has gone
   * @throws UserError when nobody listens
   */
  static async open(port: number, onMessage: (message: object) => void, onEnd: () => void): Promise<Relay> {
    const socket = await new Promise<Socket>((done, failed) => {
      const trial = connect(port, '127.0.0.1', () => done(trial));
      trial.once('error', () =>
        failed(new UserError(`nothing listens on port ${port}; start the guest with --dap ${port}`)),
      );
    });
    return new Relay(socket, onMessage, onEnd);
  }

  send(request: Request): void {
    this.socket.write(encodeMessage(request));
  }
}
