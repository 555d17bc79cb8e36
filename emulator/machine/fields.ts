/** Reading named fields of a saved state; an Error names the field that is missing or of another kind. */
import type { State, StateValue } from './bus.ts';

function field(state: State, name: string): StateValue {
  const value = state[name];
  if (value === undefined) throw new Error(`the field ${name} is missing`);
  return value;
}

export function numberField(state: State, name: string): number {
  const value = field(state, name);
  if (typeof value !== 'number') throw new Error(`the field ${name} is not a number`);
  return value;
}

export function booleanField(state: State, name: string): boolean {
  const value = field(state, name);
  if (typeof value !== 'boolean') throw new Error(`the field ${name} is not a boolean`);
  return value;
}

export function stringField(state: State, name: string): string {
  const value = field(state, name);
  if (typeof value !== 'string') throw new Error(`the field ${name} is not a string`);
  return value;
}

/** @param length how many there must be; default: any number */
export function numbersField(state: State, name: string, length?: number): readonly number[] {
  const value = field(state, name);
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'number'))
    throw new Error(`the field ${name} is not a list of numbers`);
  if (length !== undefined && value.length !== length)
    throw new Error(`the field ${name} has ${value.length} numbers, not ${length}`);
  return value as readonly number[];
}

/** @param length how many there must be; default: any number */
export function bytesField(state: State, name: string, length?: number): Uint8Array {
  const value = field(state, name);
  if (!(value instanceof Uint8Array)) throw new Error(`the field ${name} is not bytes`);
  if (length !== undefined && value.length !== length)
    throw new Error(`the field ${name} has ${value.length} bytes, not ${length}`);
  return value;
}

export function stateField(state: State, name: string): State {
  const value = field(state, name);
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array)
    throw new Error(`the field ${name} is not a group of fields`);
  return value as State;
}

/** @param length how many there must be; default: any number */
export function statesField(state: State, name: string, length?: number): readonly State[] {
  const value = field(state, name);
  if (!Array.isArray(value)) throw new Error(`the field ${name} is not a list`);
  if (length !== undefined && value.length !== length)
    throw new Error(`the field ${name} has ${value.length} entries, not ${length}`);
  return (value as readonly StateValue[]).map((item) => stateField({ [name]: item }, name));
}
