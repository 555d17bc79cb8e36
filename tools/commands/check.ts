/**
 * `licorice check [files…]`: reports what is wrong with guest TypeScript, in the form of `tsc`; with `--watch` again
 * at every change. Without files it checks all of the guest.
 */
import { existsSync, statSync, watch } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type * as ts from 'typescript';
import type { CommandModule } from 'yargs';
import { UserError } from '../../emulator/errors.ts';

interface CheckOptions {
  files: string[];
  watch: boolean;
  json: boolean;
}

export const checkCommand: CommandModule<object, CheckOptions> = {
  command: 'check [files..]',
  describe: 'report errors in guest TypeScript',
  builder: (yargs) =>
    yargs
      .positional('files', {
        type: 'string',
        array: true,
        default: [] as string[],
        describe: 'files or folders; the guest by default',
      })
      .option('watch', { type: 'boolean', default: false, describe: 'check again at every change' })
      .option('json', { type: 'boolean', default: false, describe: 'print one JSON array' }),
  handler: async (options) => {
    const { CheckSession } = await import('../compiler/frontend/session.ts');
    const { guestFolder } = await import('../compiler/frontend/library.ts');
    const { default: typescript } = await import('typescript');
    const { formatDiagnostic } = await import('../compiler/frontend/diagnostics.ts');
    const named = options.files.length > 0 ? options.files : [guestFolder()];
    let session: InstanceType<typeof CheckSession> | undefined;
    let listed = '';
    const filesNow = (): string[] => named.flatMap((path) => sourceFiles(path, typescript));
    const report = (): boolean => {
      const files = filesNow();
      if (files.length === 0) throw new UserError(`${named.join(', ')}: no guest TypeScript files here`);
      if (session === undefined || listed !== files.join('\n')) session = new CheckSession(files);
      listed = files.join('\n');
      const found = session.check();
      const here = (file: string): string => relative(process.cwd(), file);
      if (options.json) process.stdout.write(`${JSON.stringify(found, undefined, 2)}\n`);
      else for (const diagnostic of found) process.stdout.write(`${formatDiagnostic(diagnostic, here)}\n`);
      return found.length === 0;
    };
    if (!options.watch) {
      if (!report()) process.exitCode = 1;
      return;
    }
    await watchAndReport(filesNow, report);
  },
};

/** A file itself; of a folder what its tsconfig.json includes, or else all TypeScript below it. */
function sourceFiles(path: string, typescript: typeof ts): string[] {
  if (!existsSync(path)) throw new UserError(`${path}: no such file or folder`);
  if (!statSync(path).isDirectory()) return [resolve(path)];
  const config = join(path, 'tsconfig.json');
  const json: unknown = existsSync(config)
    ? typescript.readConfigFile(config, typescript.sys.readFile).config
    : {};
  const { fileNames } = typescript.parseJsonConfigFileContent(json, typescript.sys, resolve(path));
  return fileNames.filter((file) => !file.endsWith('.d.ts')).sort();
}

/**
 * Reports now and after every change, until interrupted. The folders of the files are watched one by one: not every system
 * can watch a tree, and editors replace files rather than write to them.
 */
function watchAndReport(files: () => readonly string[], report: () => boolean): Promise<never> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const watched = new Set<string>();
  const follow = (): void => {
    for (const folder of new Set(files().map((file) => dirname(file)))) {
      if (watched.has(folder)) continue;
      watched.add(folder);
      watch(folder, (_event, name) => {
        if (name !== null && !name.endsWith('.ts')) return;
        // Editors write in several steps.
        clearTimeout(timer);
        timer = setTimeout(again, 20);
      });
    }
  };
  const again = (): void => {
    const start = performance.now();
    let good = false;
    try {
      // Before the files are read, so that no change is missed.
      follow();
      good = report();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      process.stdout.write(`${error.message}\n`);
    }
    const elapsed = Math.round(performance.now() - start);
    process.stdout.write(`${good ? 'No errors' : 'Errors found'} (${elapsed} ms). Watching for changes.\n`);
  };
  again();
  return new Promise(() => {});
}
