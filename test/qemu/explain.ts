/**
 * Says in words in what two runs of a program differ: fields, the first trap that is not the same, bytes of memory.
 * For this a program is run alone in a verbose batch, which sends its whole memory.
 */
import { buildBatch, differences, type Result, readResults, runOnQemu } from './batch.ts';
import { generate } from './generate.ts';
import { CODE, HEADER, HEADER_SIZE, LOG_ENTRIES, LOG_ENTRY_SIZE, RECORD_FIELDS, STRIDE } from './layout.ts';
import { runOnLicorice } from './run-licorice.ts';

const LOG_FIELDS = ['cause', 'epc', 'tval', 'status'] as const;
const MOST_LINES = 12;

/** Runs the program of `seed` alone on both machines and describes how they differ; empty when they do not. */
export function explain(seed: number): string[] {
  const [qemu, licorice] = runBoth(seed, 0);
  const lines = differences(qemu, licorice).map(
    (field) => `${field.name}: QEMU ${hex(field.a)}, licorice ${hex(field.b)}`,
  );
  if (lines.length === 0) return [];
  const { description } = generate(seed, 0);
  return [
    `seed ${seed} (${description})`,
    ...lines.slice(0, MOST_LINES),
    ...trapDifference(seed),
    ...memoryDifferences(qemu, licorice),
  ];
}

function runBoth(seed: number, logSkip: number): [Result, Result] {
  const elf = buildBatch([generate(seed, 0)], true, logSkip);
  const [qemu] = readResults(runOnQemu(elf), 1, true);
  const [licorice] = readResults(runOnLicorice(elf).sent, 1, true);
  return [qemu!, licorice!];
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** The first trap that is not the same: the log holds a window of them, so the program may run several times. */
function trapDifference(seed: number): string[] {
  for (let skip = 0; ; skip += LOG_ENTRIES) {
    const [qemu, licorice] = runBoth(seed, skip);
    const count = Math.max(trapsOf(qemu), trapsOf(licorice));
    if (skip >= count) return [];
    const [a, b] = [view(qemu), view(licorice)];
    for (let index = 0; index < Math.min(count - skip, LOG_ENTRIES); index++) {
      const at = HEADER.log + index * LOG_ENTRY_SIZE;
      const [first, second] = [a, b].map((memory) =>
        LOG_FIELDS.map((_, field) => memory.getBigUint64(at + 8 * field, true)),
      );
      if (first!.every((value, field) => value === second![field])) continue;
      const say = (values: readonly bigint[]) =>
        LOG_FIELDS.map((name, field) => `${name} ${hex(values[field]!)}`).join(' ');
      const offset = Number((first![1]! - a.getBigUint64(HEADER.codeOffset, true)) & 0xffffn);
      const inCode = offset >= CODE && offset < STRIDE - 4;
      const word = inCode ? `, instruction ${hex(BigInt(a.getUint32(offset, true)))}` : '';
      return [
        `trap ${skip + index}: QEMU ${say(first!)}`,
        `trap ${skip + index}: licorice ${say(second!)}${word}`,
      ];
    }
  }
}

const trapsOf = (result: Result): number => Number(result.fields[RECORD_FIELDS.indexOf('traps')]!);

function memoryDifferences(qemu: Result, licorice: Result): string[] {
  const lines: string[] = [];
  const [a, b] = [view(qemu), view(licorice)];
  for (let at = HEADER_SIZE; at < STRIDE && lines.length < MOST_LINES; at += 8) {
    const [first, second] = [a.getBigUint64(at, true), b.getBigUint64(at, true)];
    if (first !== second)
      lines.push(`memory +0x${at.toString(16)}: QEMU ${hex(first)}, licorice ${hex(second)}`);
  }
  return lines;
}

const view = ({ memory }: Result): DataView =>
  new DataView(memory!.buffer, memory!.byteOffset, memory!.byteLength);
