/** `licorice dap`: a debug adapter for VS Code and other editors, on standard input and output. */
import type { CommandModule } from 'yargs';

export const dapCommand: CommandModule = {
  command: 'dap',
  describe:
    'debug adapter for VS Code and other editors (Debug Adapter Protocol on standard input and output)',
  handler: async () => {
    const { Adapter } = await import('../debugger/dap/adapter.ts');
    const { encodeMessage } = await import('../debugger/dap/messages.ts');
    const { speak } = await import('../debugger/dap/server.ts');
    await speak(new Adapter((message) => process.stdout.write(encodeMessage(message))), process.stdin);
    process.stdin.destroy();
  },
};
