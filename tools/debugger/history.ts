/**
 * Who last changed something: memory (by whatever mapping, devices as well), a register, the persistence of a line. The run
 * is put to just after the change; everything that was set stays as it is.
 */
import { UserError } from '../../emulator/errors.ts';
import type { MemoryPlace } from './address-space.ts';
import type { Debugger, Stop } from './debugger.ts';
import type { StopWhat } from './stop-points.ts';

/** Instructions that are stepped through for a register, at most. */
const LONGEST = 2_000_000;

/** Goes back to the last store to memory. The other stop points do not stop it. */
export async function lastStore(debugged: Debugger, place: MemoryPlace, length: number): Promise<Stop> {
  return await backTo(debugged, { kind: 'watch', place, length, loads: false, stores: true });
}

/** Goes back to the last change of the state of the lines of a range. */
export async function lastLineChange(debugged: Debugger, place: MemoryPlace, length: number): Promise<Stop> {
  return await backTo(debugged, { kind: 'lines', place, length, states: undefined });
}

async function backTo(debugged: Debugger, what: StopWhat): Promise<Stop> {
  const enabled = debugged.points.all.filter((one) => one.enabled);
  for (const point of enabled) point.enabled = false;
  const point = debugged.add('last', what);
  try {
    return await debugged.continue('backward');
  } finally {
    for (const one of enabled) one.enabled = true;
    debugged.remove(point.id);
  }
}

/** Goes back to just after the instruction that changed integer register `number` of the hart under the cursor. */
export async function lastRegisterChange(debugged: Debugger, number: number): Promise<Stop> {
  const { time, core, runner } = debugged;
  const { hart } = core;
  const start = time.now;
  const wanted = hart.getX(number);
  runner.begin();
  let end = start;
  for (let size = 1024; ; size *= 8) {
    const from = Math.max(time.beginning, start - size);
    time.goTo(from);
    let last = -1;
    let value = hart.getX(number);
    while (time.now < end) {
      const reason = time.quietly(() => time.run(1));
      if (reason.kind !== 'budget') break;
      const now = hart.getX(number);
      if (now !== value) last = time.now;
      value = now;
      if ((time.now & 4095) === 0 && (await runner.breathe())) {
        time.goTo(start);
        return debugged.stopped({ kind: 'interrupted' });
      }
    }
    // What was looked at already starts with the value that it ends with.
    if (last < 0 && value !== wanted) last = time.now;
    if (last >= 0) {
      time.goTo(last);
      return debugged.stopped({ kind: 'there', core });
    }
    if (from === time.beginning) {
      time.goTo(from);
      return debugged.stopped({ kind: 'beginning' });
    }
    if (size * 8 > LONGEST) {
      time.goTo(start);
      throw new UserError(
        `the register has not changed in the last ${size} instructions; go further back first`,
      );
    }
    end = from;
  }
}
