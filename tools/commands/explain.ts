/**
 * `licorice explain STATE VADDR`: the translation of a virtual address in a saved state, step by step: every entry
 * read with its address, raw bits and fields, and the verdict or what is missing. Sv39, Sv48, Sv57 and Xtwz.
 */
import type { CommandModule } from 'yargs';
import { UserError } from '../../emulator/errors.ts';
import { readImage } from './machine-options.ts';

interface ExplainArguments {
  state: string;
  address: string;
  access: string;
  privilege?: string;
  hart: number;
  json: boolean;
}

const PRIVILEGES: Readonly<Record<string, number>> = { U: 0, S: 1, M: 3 };
const ACCESSES = ['fetch', 'load', 'store'] as const;

export const explainCommand: CommandModule<object, ExplainArguments> = {
  command: 'explain <state> <address>',
  describe: 'show how an address is translated in a saved state, step by step',
  builder: (yargs) =>
    yargs
      .positional('state', { type: 'string', demandOption: true, describe: 'a saved state' })
      .positional('address', {
        type: 'string',
        demandOption: true,
        describe: 'virtual address, 0x… or slot:offset, or pc for where the hart stands',
      })
      .option('access', { choices: ACCESSES, default: 'load', describe: 'what the access would be' })
      .option('privilege', { choices: Object.keys(PRIVILEGES), describe: "default: the hart's own" })
      .option('hart', { type: 'number', default: 0, describe: 'which hart' })
      .option('json', { type: 'boolean', default: false, describe: 'machine-readable output' }),
  handler: async (args) => {
    const [{ openForReading, readState }, { xtwzExtension }, { explainAccess }, format] = await Promise.all([
      import('../../emulator/machine/saved-state.ts'),
      import('../../emulator/machine/xtwz.ts'),
      import('../../emulator/machine/explain.ts'),
      import('../explain/format.ts'),
    ]);
    const machine = openForReading(
      readState(readImage(args.state, 'saved state').bytes, args.state),
      args.state,
      [xtwzExtension()],
    );
    const core = machine.cores[args.hart];
    if (core === undefined)
      throw new UserError(`--hart ${args.hart}: ${args.state} has harts 0 to ${machine.cores.length - 1}`);
    const va = parseAddress(args.address, core.hart.pc);
    const access = ACCESSES.indexOf(args.access as (typeof ACCESSES)[number]) as 0 | 1 | 2;
    const own = args.access === 'fetch' ? core.hart.privilege : core.mmu.dataPrivilege;
    const privilege = args.privilege === undefined ? own : PRIVILEGES[args.privilege]!;
    const explained = explainAccess(machine, core, va, access, privilege);
    const text = args.json
      ? format.explanationAsJson(explained)
      : format.formatExplanation(explained).join('\n');
    process.stdout.write(`${text}\n`);
    process.exitCode = explained.pa === undefined ? 1 : 0;
  },
};

/** An address as people write it: hexadecimal or decimal, `slot:offset` of the object window, or `pc`. */
export function parseAddress(text: string, pc: bigint): bigint {
  if (text === 'pc') return pc;
  const number = (part: string): bigint => {
    const plain = part.replaceAll('_', '');
    if (!/^(0x[0-9a-f]+|[0-9]+)$/i.test(plain))
      throw new UserError(`'${text}' is not an address; write 0x40001000, 1:0x1000 or pc`);
    return BigInt(plain);
  };
  const parts = text.split(':');
  const va = parts.length === 2 ? (number(parts[0]!) << 30n) + number(parts[1]!) : number(text);
  if (va >= 1n << 64n) throw new UserError(`${text} does not fit into 64 bits`);
  return va;
}
