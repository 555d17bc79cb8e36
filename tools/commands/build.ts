/**
 * `licorice build FILE`: compiles a program of guest TypeScript to an ELF executable for the machine (default), to a
 * relocatable object (`-c`), to assembly text (`-S`), or to the text of its intermediate representation (`--ir`).
 */
import { basename, relative } from 'node:path';
import type { CommandModule } from 'yargs';
import { UserError } from '../../emulator/errors.ts';
import type { Target } from '../compiler/compile.ts';
import type { Diagnostic } from '../compiler/frontend/diagnostics.ts';
import { readImage } from './machine-options.ts';

interface BuildOptions {
  file: string;
  objects: string[];
  output: string | undefined;
  O: number;
  c: boolean;
  S: boolean;
  ir: boolean;
  xtwzp: boolean | undefined;
  target: Target;
}

export const buildCommand: CommandModule<object, BuildOptions> = {
  command: 'build <file> [objects..]',
  describe: 'compile guest TypeScript',
  builder: (yargs) =>
    yargs
      .positional('file', { type: 'string', demandOption: true, describe: 'the entry file' })
      .positional('objects', {
        type: 'string',
        array: true,
        default: [] as string[],
        describe: 'object files of other compilers to link with',
      })
      .option('output', { alias: 'o', type: 'string', describe: 'file to write' })
      .option('O', { type: 'number', default: 2, choices: [0, 2], describe: 'optimisation' })
      .option('c', { type: 'boolean', default: false, describe: 'write a relocatable object file' })
      .option('S', {
        alias: 'assembly',
        type: 'boolean',
        default: false,
        describe: 'write assembly text, with source lines as comments',
      })
      .option('ir', {
        type: 'boolean',
        default: false,
        describe: 'write the intermediate representation as text',
      })
      .option('xtwzp', {
        type: 'boolean',
        defaultDescription: 'for --target program',
        describe: 'load persistent pointers with the instructions of Xtwzp',
      })
      .option('target', {
        choices: ['bare', 'kernel', 'program'] as const,
        default: 'bare' as const,
        describe: 'layout and entry of the executable',
      }),
  handler: async (options) => {
    const kinds = [options.c && '-c', options.S && '-S', options.ir && '--ir'].filter(
      (kind) => kind !== false,
    );
    if (kinds.length > 1)
      throw new UserError(`${kinds.join(' and ')} say different things about what to write; give one`);
    const { compile, compileToAssembly, compileToText } = await import('../compiler/compile.ts');
    const { writeFileAtomically } = await import('../output.ts');
    const stem = basename(options.file).replace(/\.ts$/, '');
    const compileOptions = {
      target: options.target,
      optimise: options.O > 0,
      relocatable: options.c,
      objects: options.objects.map((name) => readImage(name, 'object file')),
      ...(options.xtwzp !== undefined && { xtwzp: options.xtwzp }),
    };
    if (options.S || options.ir) {
      const text = (options.S ? compileToAssembly : compileToText)(options.file, compileOptions);
      if (typeof text !== 'string') return report(text);
      if (options.output === undefined) process.stdout.write(text);
      else writeFileAtomically(options.output, text);
      return;
    }
    const result = compile(options.file, compileOptions);
    if (!result.ok) return report(result.diagnostics);
    writeFileAtomically(options.output ?? `${stem}${options.c ? '.o' : '.elf'}`, result.elf, !options.c);
  },
};

async function report(diagnostics: readonly Diagnostic[]): Promise<never> {
  const { formatDiagnostic } = await import('../compiler/frontend/diagnostics.ts');
  const lines = diagnostics.map((diagnostic) =>
    formatDiagnostic(diagnostic, (file) => relative(process.cwd(), file)),
  );
  process.stdout.write(`${lines.join('\n')}\n`);
  const count = diagnostics.length;
  throw new UserError(`${count} error${count === 1 ? '' : 's'}; nothing was written`, 1);
}
