/**
 * Typed access to the named fields of a saved device state. A field that is missing or of another type is an Error
 * that names it: the state comes from a file and may have been written by another version.
 */
import type { State, StateValue } from '../machine/bus.ts';

function bad(name: string, kind: string): never {
  throw new Error(`field '${name}' is not ${kind}`);
}

export function numberField(state: State, name: string): number {
  const value = state[name];
  return typeof value === 'number' ? value : bad(name, 'a number');
}

export function booleanField(state: State, name: string): boolean {
  const value = state[name];
  return typeof value === 'boolean' ? value : bad(name, 'a boolean');
}

export function bytesField(state: State, name: string): Uint8Array {
  const value = state[name];
  return value instanceof Uint8Array ? value : bad(name, 'bytes');
}

/** A list of numbers of exactly `length` entries. */
export function numbersField(state: State, name: string, length: number): number[] {
  const value = state[name];
  if (!Array.isArray(value) || value.length !== length) return bad(name, `a list of ${length} numbers`);
  return value.map((entry: StateValue) =>
    typeof entry === 'number' ? entry : bad(name, `a list of ${length} numbers`),
  );
}

export function booleansField(state: State, name: string, length: number): boolean[] {
  const value = state[name];
  if (!Array.isArray(value) || value.length !== length) return bad(name, `a list of ${length} booleans`);
  return value.map((entry: StateValue) =>
    typeof entry === 'boolean' ? entry : bad(name, `a list of ${length} booleans`),
  );
}

/** A nested group of fields. */
export function groupField(state: State, name: string): State {
  const value = state[name];
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    return bad(name, 'a group of fields');
  }
  return value as State;
}

/** A list of groups. */
export function groupsField(state: State, name: string, length: number): State[] {
  const value = state[name];
  if (!Array.isArray(value) || value.length !== length) return bad(name, `a list of ${length} groups`);
  return value.map((_, index) => groupField(value as unknown as State, String(index)));
}
