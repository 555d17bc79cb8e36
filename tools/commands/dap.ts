/** `licorice dap`: a debug adapter for VS Code and other editors, on standard input and output. */
import type { CommandModule } from 'yargs';

export const dapCommand: CommandModule = {
  command: 'dap',
  describe:
    'debug adapter for VS Code and other editors (Debug Adapter Protocol on standard input and output)',
  handler: async () => {
    const { Adapter } = await import('../debugger/dap/adapter.ts');
    const { encodeMessage, MessageReader } = await import('../debugger/dap/messages.ts');
    const reader = new MessageReader();
    const adapter = new Adapter((message) => process.stdout.write(encodeMessage(message)));
    // One request after the other: each sees what the last one did.
    let last = Promise.resolve();
    await new Promise<void>((done, failed) => {
      process.stdin.on('data', (chunk: Buffer) => {
        let messages: unknown[];
        try {
          messages = reader.push(chunk);
        } catch (error) {
          failed(error);
          return;
        }
        for (const message of messages) {
          last = last
            .then(() => adapter.handle(message as Parameters<typeof adapter.handle>[0]))
            .then(() => {
              if (adapter.ended) done();
            }, failed);
        }
      });
      process.stdin.on('end', () => done());
    });
    process.stdin.destroy();
  },
};
