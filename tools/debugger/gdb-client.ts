/** For tests: runs gdb-multiarch with a script against a stub, and looks at what it printed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findOracle, GDB } from '../../test/oracles.ts';
import { packageRoot } from '../guest/layouts.ts';

/** A licorice that waits for GDB. */
export interface WaitingMachine {
  readonly port: string;
  readonly process: ChildProcess;
  /** What it has printed so far. */
  output(): string;
}

/** Starts `licorice run … --gdb 0`, or another command that has the option. */
export function startMachine(
  args: readonly string[],
  command: 'run' | 'debug' = 'run',
): Promise<WaitingMachine> {
  const program = join(packageRoot(), 'dist', 'licorice.js');
  const child = spawn(process.execPath, [program, command, ...args, '--gdb', '0'], { stdio: 'pipe' });
  let printed = '';
  child.stdout.on('data', (text) => {
    printed += String(text);
  });
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr.on('data', (text) => {
      said += String(text);
      const match = /target remote :(\d+)/.exec(said);
      if (match) resolve({ port: match[1]!, process: child, output: () => printed });
    });
    child.on('exit', (code) => reject(new Error(`licorice ended with ${code}: ${said}`)));
  });
}

/** Ends a machine and waits until it has gone. */
export function endMachine({ process: child }: WaitingMachine): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else {
      child.on('exit', () => resolve());
      child.kill('SIGKILL');
    }
  });
}

/** `python attempt("…")` goes on after an error, which would end the script. */
const ATTEMPT = `python
def attempt(command):
    try:
        gdb.execute(command)
    except gdb.error as error:
        print("error: " + str(error))
end`;
const PROLOGUE = [
  ATTEMPT,
  'set confirm off',
  'set pagination off',
  'set width 0',
  'set tcp connect-timeout 60',
];

/**
 * Runs GDB. `PORT` in the script stands for the machine's.
 * @param interruptOn Ctrl-C is pressed when the guest has printed this
 * @returns all that it printed; what `monitor` says goes to its standard error
 */
export function runGdb(
  folder: string,
  machine: WaitingMachine,
  script: readonly string[],
  file?: string,
  interruptOn?: string,
): Promise<string> {
  const path = join(folder, 'script.gdb');
  const lines = [...PROLOGUE, 'set architecture riscv:rv64', 'target remote :PORT', ...script];
  writeFileSync(path, lines.join('\n').replaceAll('PORT', machine.port));
  const gdb = spawn(findOracle(GDB)!, ['-batch', '-nx', '-x', path, ...(file === undefined ? [] : [file])], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [gdb.stdout, gdb.stderr]) {
    stream.on('data', (text) => {
      output += String(text);
    });
  }
  const watch = setInterval(() => {
    if (interruptOn === undefined || !machine.output().includes(interruptOn)) return;
    clearInterval(watch);
    gdb.kill('SIGINT');
  }, 50);
  return new Promise((resolve) =>
    gdb.on('close', () => {
      clearInterval(watch);
      resolve(output);
    }),
  );
}
