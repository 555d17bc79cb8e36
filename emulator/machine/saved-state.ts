/**
 * Saved states as files.
 *
 *   0   8   magic, "licostat"
 *   8   4   format version
 *   12  4   bytes of the compressed body
 *   16  32  SHA-256 of the compressed body
 *   48  …   body: zlib's deflate of an encoded state (encoding.ts): shape, fields, memory
 */
import { createHash } from 'node:crypto';
import { deflateSync, inflateSync } from 'node:zlib';
import { paddr } from '../addresses.ts';
import { UserError } from '../errors.ts';
import type { State, StateValue } from './bus.ts';
import { decodeState, encodeState } from './encoding.ts';
import { stateField } from './fields.ts';
import { Machine, type MachineExtension } from './machine.ts';
import {
  restoreAll,
  restoreMemoryAndHarts,
  type Shape,
  saveFields,
  saveMemory,
  shapeFrom,
  shapeOf,
} from './state.ts';

const MAGIC = 'licostat';
/** Raised whenever an older reader would misread a file. */
export const STATE_VERSION = 3;
const HEADER = 48;
/** The fastest level: states are mostly zeros and code. */
const COMPRESSION = { level: 1 } as const;

/** The whole state of a machine as the bytes of a file. */
export function saveState(machine: Machine): Uint8Array {
  for (const action of machine.beforeSave) action();
  const shape = shapeOf(machine);
  const body = deflateSync(
    encodeState({
      shape: { ...shape, ...(shape.nvdimm && { nvdimm: { ...shape.nvdimm } }) } as State,
      fields: saveFields(machine),
      memory: saveMemory(machine.memory),
    }),
    COMPRESSION,
  );
  const file = new Uint8Array(HEADER + body.length);
  const view = new DataView(file.buffer);
  file.set(new TextEncoder().encode(MAGIC));
  view.setUint32(8, STATE_VERSION, true);
  view.setUint32(12, body.length, true);
  file.set(createHash('sha256').update(body).digest(), 16);
  file.set(body, HEADER);
  return file;
}

/** A saved state that has been read and checked, but belongs to no machine yet. */
export interface SavedState {
  /** The machine that must be made for it. */
  readonly shape: Shape;
  readonly fields: State;
  readonly memory: State;
}

/**
 * Reads and checks the bytes of a file.
 * @param name of the file, for messages
 * @throws UserError when it is not an intact saved state of this version
 */
export function readState(bytes: Uint8Array, name: string): SavedState {
  const magic = new TextDecoder('latin1').decode(bytes.subarray(0, MAGIC.length));
  if (magic !== MAGIC) throw new UserError(`${name} is not a saved state of licorice`);
  if (bytes.length < HEADER) throw new UserError(`${name} is cut short: ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint32(8, true);
  if (version !== STATE_VERSION)
    throw new UserError(
      `${name} is a saved state of version ${version}; this licorice reads version ${STATE_VERSION}`,
    );
  const body = bytes.subarray(HEADER);
  const length = view.getUint32(12, true);
  if (body.length !== length)
    throw new UserError(`${name} is cut short: it should have ${HEADER + length} bytes, not ${bytes.length}`);
  const digest = createHash('sha256').update(body).digest();
  if (!digest.equals(bytes.subarray(16, HEADER)))
    throw new UserError(`${name} is damaged: its checksum is wrong`);
  try {
    const state = decodeState(inflateSync(body)) as StateValue;
    const root = stateField({ root: state }, 'root');
    return {
      shape: shapeFrom(stateField(root, 'shape')),
      fields: stateField(root, 'fields'),
      memory: stateField(root, 'memory'),
    };
  } catch (error) {
    throw new UserError(`${name} is damaged: ${(error as Error).message}`);
  }
}

/**
 * Puts a machine into a saved state. The machine must have the state's shape and the same devices.
 * @throws UserError that says what differs; the machine is then unusable
 */
export function restoreState(machine: Machine, saved: SavedState, name: string): void {
  const have = JSON.stringify(shapeOf(machine));
  const want = JSON.stringify(saved.shape);
  if (have !== want) throw new UserError(`${name} is the state of another machine: ${want}, not ${have}`);
  try {
    restoreAll(machine, saved.fields, saved.memory);
  } catch (error) {
    throw new UserError(`${name} does not fit this machine: ${(error as Error).message}`);
  }
}

/**
 * Makes a machine to look at a saved state with: its memory and harts, none of its devices. It must not run.
 * @throws UserError when the state does not fit together
 */
export function openForReading(
  saved: SavedState,
  name: string,
  extensions: readonly MachineExtension[],
): Machine {
  const { harts, memory, quantum, nvdimm } = saved.shape;
  const region = nvdimm && { base: paddr(nvdimm.base), size: nvdimm.size };
  const machine = new Machine({ harts, memory, quantum, ...(region && { nvdimm: region }) }, extensions);
  try {
    restoreMemoryAndHarts(machine, saved.fields, saved.memory);
  } catch (error) {
    throw new UserError(`${name} cannot be opened: ${(error as Error).message}`);
  }
  return machine;
}
