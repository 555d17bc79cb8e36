/** `licorice bench xtwz`: the object window beside Sv39, and persistent pointers with and without Xtwzp. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandModule } from 'yargs';
import { UserError } from '../../emulator/errors.ts';

interface XtwzBenchArguments {
  rounds: number;
  only: string;
  percent: number;
  engine: string;
  json: boolean;
}

/** Programs without calls to the supervisor in their loops: what differs between the modes is translation alone. */
const PROGRAMS = 'coremix,chase,rbtree,stream,strings';
const POINTERS = 2_000_000;
/** Contexts that take turns: few enough for the TLBs to hold all of their translations, and too many. */
const CONTEXTS = [8, 100, 1000];
const CONTEXT_ROUNDS = 10;

export const xtwzBenchCommand: CommandModule<object, XtwzBenchArguments> = {
  command: 'xtwz',
  describe: 'the object window beside Sv39; persistent pointers with and without Xtwzp',
  builder: (yargs) =>
    yargs
      .option('rounds', { type: 'number', default: 5, describe: 'interleaved rounds; medians are printed' })
      .option('only', {
        type: 'string',
        default: PROGRAMS,
        describe: 'C programs, separated by commas; empty: none',
      })
      .option('percent', { type: 'number', default: 150, describe: 'how much of the work to do' })
      .option('engine', { type: 'string', choices: ['interp', 'jit'], default: 'jit' })
      .option('json', { type: 'boolean', default: false, describe: 'machine-readable output' }),
  handler: async (args) => {
    const { buildPrograms } = await import('../bench/programs.ts');
    const { compareModes, formatComparisons } = await import('../bench/xtwz.ts');
    const { formatPointers, measurePointers } = await import('../bench/pointers.ts');
    const { formatContexts, measureContexts } = await import('../bench/contexts.ts');
    const { engineNamed } = await import('./machine-options.ts');
    if (!Number.isInteger(args.rounds) || args.rounds < 1)
      throw new UserError('bench: --rounds wants a whole number from 1');
    if (!(args.percent > 0)) throw new UserError('bench: --percent wants a number above 0');
    const engine = await engineNamed(args.engine);
    const names = args.only.split(',').filter((name) => name !== '');
    const folder = mkdtempSync(join(tmpdir(), 'licorice-bench-'));
    try {
      const programs = buildPrograms(names, folder, args.percent).map((program) =>
        compareModes(program, args.rounds, engine),
      );
      const pointers = measurePointers(POINTERS, args.rounds, engine);
      const contexts = CONTEXTS.map((count) => measureContexts(count, CONTEXT_ROUNDS));
      const text = args.json
        ? JSON.stringify({ programs, pointers, contexts }, null, 2)
        : [
            ...(programs.length > 0 ? [formatComparisons(programs), ''] : []),
            formatPointers(pointers),
            '',
            formatContexts(contexts),
          ].join('\n');
      process.stdout.write(`${text}\n`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
