/** Changes of the guest's state by the user: registers, CSRs, memory, variables. Each becomes a part of the past. */

import { fNumber, xNumber } from '../../emulator/cpu/isa/registers.ts';
import { UserError } from '../../emulator/errors.ts';
import { Initiator } from '../../emulator/machine/memory.ts';
import { type MemoryPlace, toBytes } from './address-space.ts';
import type { Debugger } from './debugger.ts';

/** Writes bytes to memory. @throws UserError where nothing is mapped */
export function writeMemory(debugged: Debugger, place: MemoryPlace, bytes: Uint8Array): void {
  const { machine, time, frame } = debugged;
  const pieces = frame.space.pieces(place, bytes.length);
  const mapped = pieces.reduce((sum, { length }) => sum + length, 0);
  if (mapped < bytes.length) throw new UserError('nothing is mapped there');
  time.change('memory edited', () => {
    let done = 0;
    for (const { pa, length } of pieces) {
      machine.memory.writeBytes(pa, bytes.subarray(done, done + length), Initiator.device);
      done += length;
    }
  });
  debugged.changed();
}

/** Sets `$a0`, `$pc`, `$fa0` or a CSR of the hart under the cursor. @throws UserError when there is none of that name */
export function writeRegister(debugged: Debugger, name: string, value: bigint): void {
  const { machine, time, core } = debugged;
  const { hart } = core;
  const bits = BigInt.asUintN(64, value);
  const x = xNumber(name);
  const f = fNumber(name);
  const row = machine.csrs.byName(name);
  let action: () => void;
  if (x === 0) throw new UserError('$zero cannot be set');
  if (x !== undefined) action = () => hart.putX(x, bits);
  else if (name === 'pc')
    action = () => {
      hart.pc = bits;
    };
  else if (f !== undefined) action = () => hart.putF(f, bits);
  else if (row !== undefined) {
    action = () => {
      machine.csrs.poke(hart, row.number, bits);
      core.mmu.update();
      hart.attention = true;
    };
  } else throw new UserError(`there is no register '$${name}'`);
  time.change(`$${name} set`, action);
  debugged.changed();
}

/** Sets what an expression names. @throws UserError when it cannot be set */
export function assign(debugged: Debugger, target: string, value: bigint): void {
  const special = /^\$(\w+)$/.exec(target.trim());
  if (special) {
    writeRegister(debugged, special[1]!, value);
    return;
  }
  const { place, type } = debugged.evaluate(target);
  if (place === undefined) throw new UserError(`'${target}' has no place: it cannot be set`);
  if (place.kind === 'register') writeRegister(debugged, `x${place.number}`, value);
  else writeMemory(debugged, place, toBytes(BigInt.asUintN(64, value), Math.min(type?.size || 8, 8)));
}
