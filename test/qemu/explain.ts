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
  const program = generate(seed, 0);
  const elf = buildBatch([program], true);
  const [qemu, licorice] = [runOnQemu(elf), runOnLicorice(elf).sent].map(
    (sent) => readResults(sent, 1, true)[0]!,
  );
  const lines = differences(qemu!, licorice!).map(
    (field) => `${field.name}: QEMU ${hex(field.a)}, licorice ${hex(field.b)}`,
  );
  if (lines.length === 0) return [];
  return [
    `seed ${seed} (${program.description})`,
    ...lines.slice(0, MOST_LINES),
    ...trapDifference(qemu!, licorice!),
    ...memoryDifferences(qemu!, licorice!),
  ];
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;

function trapDifference(qemu: Result, licorice: Result): string[] {
  const [a, b] = [qemu, licorice].map((result) => view(result));
  const traps = (result: Result) => Number(result.fields[RECORD_FIELDS.indexOf('traps')]!);
  const count = Math.min(Math.max(traps(qemu), traps(licorice)), LOG_ENTRIES);
  for (let index = 0; index < count; index++) {
    const at = HEADER.log + index * LOG_ENTRY_SIZE;
    const [first, second] = [a!, b!].map((memory) =>
      LOG_FIELDS.map((_, field) => memory.getBigUint64(at + 8 * field, true)),
    );
    if (first!.every((value, field) => value === second![field])) continue;
    const say = (values: readonly bigint[]) =>
      LOG_FIELDS.map((name, field) => `${name} ${hex(values[field]!)}`).join(' ');
    const epc = first![1]!;
    const offset = Number((epc - a!.getBigUint64(HEADER.codeOffset, true)) & 0xffffn);
    const word =
      offset >= CODE && offset < STRIDE - 4 ? `, instruction ${hex(BigInt(a!.getUint32(offset, true)))}` : '';
    return [`trap ${index}: QEMU ${say(first!)}`, `trap ${index}: licorice ${say(second!)}${word}`];
  }
  return [];
}

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
