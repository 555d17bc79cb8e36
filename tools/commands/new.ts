/**
 * `licorice new FOLDER`: a project of one's own, outside of licorice: a persistent structure, a program that uses it, and a workload that
 * puts it to the test. The files are those of guest/template, which the checks of licorice's own sources cover.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { CommandModule } from 'yargs';
import { describeError } from '../../emulator/devices/virtio/file-disk.ts';
import { UserError } from '../../emulator/errors.ts';

interface NewOptions {
  folder: string;
}

/** A project's tsconfig.json: with it editors know the dialect and find the library. */
function projectConfig(guest: string): string {
  const config = {
    extends: `${guest}/tsconfig.json`,
    include: ['**/*.ts', `${guest}/guest.d.ts`],
    exclude: [],
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}

export const newCommand: CommandModule<object, NewOptions> = {
  command: 'new <folder>',
  describe: 'make a project with a program of your own for the guest',
  builder: (yargs) =>
    yargs.positional('folder', { type: 'string', demandOption: true, describe: 'the folder to make' }),
  handler: async ({ folder }) => {
    const { guestFolder } = await import('../compiler/frontend/library.ts');
    const template = join(guestFolder(), 'template');
    const sources = readdirSync(template).sort();
    const names = [...sources, 'tsconfig.json'];
    const there = names.find((name) => existsSync(join(folder, name)));
    if (there !== undefined)
      throw new UserError(`${join(folder, there)} exists; choose a folder without a project`);
    // Relative, so that a project beside licorice can be moved with it.
    const guest = relative(resolve(folder), guestFolder()).replaceAll('\\', '/');
    try {
      // Not with its parents: a name with a slip of the pen is no folder that somebody wants.
      if (!existsSync(folder)) mkdirSync(folder);
      for (const name of sources) copyFileSync(join(template, name), join(folder, name));
      writeFileSync(join(folder, 'tsconfig.json'), projectConfig(guest));
    } catch (error) {
      throw new UserError(`cannot make ${folder} (${describeError((error as NodeJS.ErrnoException).code)})`);
    }
    process.stdout.write(`${folder}: ${names.join(', ')}
next: licorice check ${folder}
      licorice build ${join(folder, 'numbers.ts')} --target program
      licorice image put licorice.nvm numbers.elf numbers     and in the guest: ./numbers 1 2 3
      licorice torture ${join(folder, 'torture.ts')}
`);
  },
};
