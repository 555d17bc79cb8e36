/**
 * The `monitor` commands of the GDB stub: what GDB's protocol has no packet for. They ask the debugger's core; none but `goto` has
 * an effect on the guest.
 */
import { UserError } from '../../emulator/errors.ts';
import { explainAccess } from '../../emulator/machine/explain.ts';
import { formatExplanation } from '../explain/format.ts';
import type { Frame } from './backtrace.ts';
import type { Debugger } from './debugger.ts';
import { formatFailure, formatPersistence, persistenceOf } from './persistence.ts';

interface MonitorCommand {
  readonly usage: string;
  readonly help: string;
  readonly run: (debugged: Debugger, args: readonly string[]) => readonly string[];
}

/** Bytes that `lines ADDRESS` looks at. */
const PAGE = 4096;

const COMMANDS: Readonly<Record<string, MonitorCommand>> = {
  xlate: {
    usage: 'xlate ADDRESS [load|store|fetch]',
    help: 'how an address is translated, step by step',
    run: translate,
  },
  lines: {
    usage: 'lines [ADDRESS [LENGTH]]',
    help: 'cache lines of the NVDIMM by state, with the stores that a power failure may undo and the code that made them',
    run: lines,
  },
  crash: {
    usage: 'crash',
    help: 'what a power failure now could leave in the NVDIMM',
    run: (debugged) => {
      learnLines(debugged);
      return formatFailure(debugged);
    },
  },
  bt: {
    usage: 'bt',
    help: 'the call stack with inlined calls, and across traps into the program that the kernel works for',
    run: (debugged) => debugged.frames.map(frameText),
  },
  mark: {
    usage: 'mark [NAME]',
    help: 'gives the present position a name; without one, lists the names',
    run: mark,
  },
  goto: {
    usage: 'goto POSITION|NAME',
    help: "goes to a position, backwards or forwards; GDB's 'flushregs' shows it",
    run: goTo,
  },
  info: { usage: 'info', help: 'position, guest time, harts, marks', run: info },
};

/** Carries out a command; what is wrong with it is its answer. */
export function runMonitor(debugged: Debugger, line: string): string {
  const [name = '', ...args] = line.trim().split(/\s+/);
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) return helpText(name);
  try {
    return command.run(debugged, args).join('\n');
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}

function helpText(asked: string): string {
  const rows = Object.values(COMMANDS).map(({ usage, help }) => `  ${usage.padEnd(34)}${help}`);
  const first = asked === '' || asked === 'help' ? [] : [`there is no command '${asked}'`];
  return [...first, 'monitor commands of licorice:', ...rows].join('\n');
}

function usage(name: string): UserError {
  return new UserError(`usage: ${COMMANDS[name]!.usage}`);
}

function translate(debugged: Debugger, [address, kind = 'load']: readonly string[]): string[] {
  const access = ['fetch', 'load', 'store'].indexOf(kind);
  if (address === undefined || access < 0) throw usage('xlate');
  const { core, machine, computer } = debugged;
  const privilege = access === 0 ? core.hart.privilege : core.mmu.dataPrivilege;
  const va = BigInt.asUintN(64, debugged.number(address));
  return formatExplanation(explainAccess(machine, core, va, access as 0 | 1 | 2, privilege, computer.nvdimm));
}

/** GDB waits for the answer of a `monitor` command, whatever it takes. */
function learnLines({ time }: Debugger): void {
  for (const _ of time.learnLines());
}

function lines(debugged: Debugger, [address, length]: readonly string[]): string[] {
  learnLines(debugged);
  if (address === undefined) return formatFailure(debugged);
  const bytes = length === undefined ? PAGE : Number(debugged.number(length));
  if (bytes <= 0 || bytes > 2 ** 30) throw usage('lines');
  return formatPersistence(
    persistenceOf(debugged, { kind: 'virtual', address: debugged.number(address) }, bytes),
  );
}

const frameText = ({ level, trap, pc, name, source, kind }: Frame): string => {
  const where = source === undefined ? '' : ` at ${source.file}:${source.line}`;
  const how = kind === 'inlined' ? ' [inlined]' : '';
  return `#${level} 0x${pc.toString(16)} in ${name}${how}${where}${trap === undefined ? '' : `  <${trap}>`}`;
};

function mark(debugged: Debugger, [name]: readonly string[]): string[] {
  const { marks, time } = debugged;
  if (name === undefined) {
    const list = [...marks].map(([one, at]) => `${one} is position ${at}`);
    return list.length > 0 ? list : ['no marks'];
  }
  if (!/^[A-Za-z_]\w*$/.test(name)) throw new UserError(`a mark's name is a word, not '${name}'`);
  marks.set(name, time.now);
  return [`${name} is position ${time.now}`];
}

function goTo(debugged: Debugger, [where]: readonly string[]): string[] {
  if (where === undefined) throw usage('goto');
  const position = debugged.marks.get(where) ?? Number(where);
  if (!Number.isSafeInteger(position) || position < 0)
    throw new UserError(`'${where}' is neither a position nor a mark`);
  debugged.time.goTo(position);
  debugged.changed();
  return [`position ${debugged.time.now}; 'flushregs' shows it`];
}

function info(debugged: Debugger): string[] {
  const { machine, time, computer } = debugged;
  const { nvdimm } = computer;
  const harts = machine.cores.map(({ hart }) => {
    const where = debugged.describe(hart.pc);
    return `hart ${hart.index}: pc 0x${hart.pc.toString(16)}${where === undefined ? '' : ` <${where}>`}, ${'US?M'[hart.privilege]}-mode`;
  });
  return [
    `position ${time.now} (of ${time.end}), guest time ${machine.now} ns`,
    ...harts,
    nvdimm === undefined
      ? 'no NVDIMM'
      : `NVDIMM: ${nvdimm.recordable ? "'monitor lines' shows what is persistent" : 'stores are not recorded'}`,
    ...[...debugged.marks].map(([name, at]) => `mark ${name}: position ${at}`),
  ];
}
