/**
 * Tells a program that goes round a short loop for ever from one that takes long, before its budget is used up: a lock that
 * nobody will give back, a list that bites its own tail.
 *
 * Invariant: a loop is one hart that has the same registers, control registers and memory after one round and after many, and no event to come that
 * could change that, but perhaps for the last bit of its budget: the kernel's next tick.
 */
import { HART, HART_REGISTER_BYTES } from '../../emulator/cpu/state.ts';
import type { StopReason } from '../../emulator/machine/config.ts';
import type { Machine } from '../../emulator/machine/machine.ts';

/** Why a run ended. */
export type RunEnd = StopReason | { readonly kind: 'loop'; readonly pc: bigint };

/** Instructions before the first look; the next ones come after twice as many each. A usual recovery has ended by then. */
const FIRST_LOOK = 200_000;
/** Longest round that is recognised, in instructions. */
const LONGEST_ROUND = 256;
/** Instructions after which all has to be as it was: who waits for the clock has seen it move by then. */
const LONG = 50_000;
/** No event may come in this part of the budget that is left. */
const QUIET = 0.95;

/** Runs a machine up to some number of instructions, or until it is certain that it stays where it is. */
export function runOrLoop(machine: Machine, instructions: number): RunEnd {
  let left = instructions;
  const run = (most: number): StopReason | undefined => {
    const before = machine.instructions;
    const reason = machine.run({ instructions: Math.min(most, left) });
    left -= machine.instructions - before;
    return reason.kind === 'budget' && left > 0 ? undefined : reason;
  };
  for (let slice = FIRST_LOOK; ; slice *= 2) {
    const reason = run(slice);
    if (reason) return reason;
    if (machine.cores.length > 1) continue;
    const round = findRound(machine, run);
    if (typeof round !== 'number') return round;
    // An instruction takes a nanosecond.
    if (round === 0 || machine.turns.nextEvent - machine.turns.now < QUIET * left) continue;
    const before = memoryOf(machine).slice();
    const registers = registersOf(machine);
    const last = run(round * Math.ceil(LONG / round));
    if (last) return last;
    if (same(registers, registersOf(machine)) && Buffer.compare(before, memoryOf(machine)) === 0)
      return { kind: 'loop', pc: BigInt.asUintN(64, machine.turns.current.hart.pc) };
  }
}

/** Steps until the registers are what they were: the length of a round, 0 for none; or why the run has ended. */
function findRound(
  machine: Machine,
  run: (instructions: number) => StopReason | undefined,
): number | StopReason {
  const start = registersOf(machine);
  const { pc } = machine.turns.current.hart;
  for (let steps = 1; steps <= LONGEST_ROUND; steps++) {
    const reason = run(1);
    if (reason) return reason;
    if (machine.turns.current.hart.pc === pc && same(start, registersOf(machine))) return steps;
  }
  return 0;
}

/** DRAM and the NVDIMM. */
function memoryOf({ memory }: Machine): Uint8Array {
  const { regions } = memory.layout;
  const first = Math.min(...regions.map(({ host }) => host));
  const end = Math.max(...regions.map(({ host, size }) => host + size));
  return memory.u8.subarray(first, end);
}

/** Integer and floating-point registers and pc; then the control registers. What counts instructions is not among them. */
function registersOf({ memory, turns }: Machine): readonly Uint8Array[] {
  const { base } = turns.current.hart;
  return [
    memory.u8.slice(base, base + HART.budget),
    memory.u8.slice(base + HART.privilege, base + HART.directBase),
    memory.u8.slice(base + HART.csrs, base + HART_REGISTER_BYTES),
  ];
}

const same = (a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean =>
  a.every((part, i) => Buffer.compare(part, b[i]!) === 0);
