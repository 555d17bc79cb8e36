/**
 * The NVDIMM's part of a machine's state as named fields: the device's record, and what the persistency engine knows
 * of stores that are not persistent yet. The content of the media is saved as memory.
 */
import { CACHE_BLOCK_SIZE } from '../addresses.ts';
import type { State, StateValue } from '../machine/bus.ts';
import { bytesField, numberField, numbersField, stateField, statesField } from '../machine/fields.ts';
import type { DeviceRecord } from './device-record.ts';
import { type BlockNumber, blockNumber } from './dpa.ts';
import { PendingBlock, type StoreUnit } from './pending.ts';
import type { EngineState } from './persistency.ts';

/** Numbers of a store unit in its saved form. */
const UNIT_NUMBERS = 9;

function saveUnit(unit: StoreUnit): number[] {
  const { seq, offset, size, low, high, hart, instret, pcLow, pcHigh } = unit;
  return [seq, offset, size, low, high, hart, instret, pcLow, pcHigh];
}

function restoreUnit(numbers: readonly number[]): StoreUnit {
  const [seq, offset, size, low, high, hart, instret, pcLow, pcHigh] = numbers as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return { seq, offset, size, low, high, hart, instret, pcLow, pcHigh };
}

/** Pairs of block and place, flat, by ascending block. */
const saveMap = (map: ReadonlyMap<BlockNumber, number>): number[] =>
  [...map].sort(([a], [b]) => a - b).flat();

function restoreMap(numbers: readonly number[]): Map<BlockNumber, number> {
  const map = new Map<BlockNumber, number>();
  for (let i = 0; i + 1 < numbers.length; i += 2) map.set(blockNumber(numbers[i]!), numbers[i + 1]!);
  return map;
}

/** The engine's state as named fields. */
export function saveEngine(state: EngineState): State {
  const blocks = [...state.blocks.values()].sort((a, b) => a.block - b.block);
  return {
    nextSeq: state.nextSeq,
    touched: [...state.touched].sort((a, b) => a - b),
    issuers: [...state.issuers]
      .sort(([a], [b]) => a - b)
      .map(([issuer, { cleans, hints }]) => ({ issuer, cleans: saveMap(cleans), hints: saveMap(hints) })),
    blocks: blocks.map((pending) => ({
      block: pending.block,
      base: pending.base.slice(),
      guaranteed: pending.guaranteed,
      writtenBack: pending.writtenBack,
      units: pending.units.flatMap(saveUnit),
    })),
  };
}

/** The engine's state from its fields. Throws an Error that names a bad one. */
export function restoreEngine(state: State): EngineState {
  const blocks = new Map<BlockNumber, PendingBlock>();
  for (const saved of statesField(state, 'blocks')) {
    const numbers = numbersField(saved, 'units');
    const units: StoreUnit[] = [];
    for (let i = 0; i < numbers.length; i += UNIT_NUMBERS) {
      units.push(restoreUnit(numbers.slice(i, i + UNIT_NUMBERS)));
    }
    const block = blockNumber(numberField(saved, 'block'));
    const pending = new PendingBlock(
      block,
      bytesField(saved, 'base', CACHE_BLOCK_SIZE).slice(),
      units,
      numberField(saved, 'guaranteed'),
      numberField(saved, 'writtenBack'),
      state,
    );
    blocks.set(block, pending);
  }
  return {
    blocks,
    issuers: new Map(
      statesField(state, 'issuers').map((saved) => [
        numberField(saved, 'issuer'),
        {
          cleans: restoreMap(numbersField(saved, 'cleans')),
          hints: restoreMap(numbersField(saved, 'hints')),
        },
      ]),
    ),
    nextSeq: numberField(state, 'nextSeq'),
    touched: new Set(numbersField(state, 'touched').map(blockNumber)),
  };
}

/** What of the device's record can change. */
export function saveRecord(record: DeviceRecord): State {
  const { shutdown, powerCycles, unsafeShutdowns, flushFailures, blockWrites, wear, poison } = record;
  const list: StateValue = poison.flatMap(({ dpa, known }) => [dpa, known ? 1 : 0]);
  return { shutdown, powerCycles, unsafeShutdowns, flushFailures, blockWrites, wear, poison: list };
}

export function restoreRecord(record: DeviceRecord, state: State): void {
  record.shutdown = numberField(state, 'shutdown');
  record.powerCycles = numberField(state, 'powerCycles');
  record.unsafeShutdowns = numberField(state, 'unsafeShutdowns');
  record.flushFailures = numberField(state, 'flushFailures');
  record.blockWrites = numberField(state, 'blockWrites');
  record.wear = numberField(state, 'wear');
  const poison = numbersField(state, 'poison');
  record.poison = [];
  for (let i = 0; i + 1 < poison.length; i += 2) {
    record.poison.push({ dpa: poison[i]!, known: poison[i + 1] === 1 });
  }
}

/** The engine's part of an NVDIMM's state, if it was recording. */
export const engineField = (state: State): State | undefined =>
  state['engine'] === undefined ? undefined : stateField(state, 'engine');
