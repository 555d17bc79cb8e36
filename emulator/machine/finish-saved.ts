/** A process that finishes a saved run of the determinism test: restores a file, runs to a count, prints the hash. */
import { readFileSync } from 'node:fs';
import { readState, restoreState } from './saved-state.ts';
import { testMachine } from './testbed.ts';

const [file, instructions] = process.argv.slice(2) as [string, string];
const saved = readState(readFileSync(file), file);
const { machine } = testMachine(new Uint8Array(0), {
  harts: saved.shape.harts,
  memory: saved.shape.memory,
  quantum: saved.shape.quantum,
});
restoreState(machine, saved, file);
machine.run({ instructions: Number(instructions) - machine.instructions });
process.stdout.write(`${machine.hash()}\n`);
