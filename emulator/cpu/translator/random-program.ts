/**
 * Random programs for lockstep tests of the engines: blocks of integer instructions, loads and stores around two
 * base registers, branches and jumps between random blocks, calls and returns, and now and then a store that
 * changes the program itself. They never end; a budget ends them.
 */
import { compress } from '../isa/compressed.ts';
import { operandFields } from '../isa/decode.ts';
import { encode } from '../isa/encode.ts';
import { randomFields, randomNumbers } from '../isa/random-operands.ts';
import { idOf, ROWS } from '../isa/table.ts';

/** Registers with a meaning: the others are fair game. */
export const DATA_BASE = 2;
export const CODE_BASE = 3;
const RA = 1;
const FIRST_FREE = 4;

const ALU = ROWS.flatMap((row, id) =>
  row.meaning &&
  ['I', 'M', 'Zba', 'Zbb', 'Zbs'].includes(row.extension) &&
  row.operands[0] === 'rd' &&
  row.access === undefined &&
  !['jal', 'jalr'].includes(row.name)
    ? [id]
    : [],
);
const LOADS = ['lb', 'lbu', 'lh', 'lhu', 'lw', 'lwu', 'ld'].map(idOf);
const STORES = ['sb', 'sh', 'sw', 'sd'].map(idOf);
const ATOMICS = ROWS.flatMap((row, id) => (row.extension === 'A' ? [id] : []));
const BRANCHES = ['beq', 'bne', 'blt', 'bge', 'bltu', 'bgeu'].map(idOf);

interface Item {
  /** The finished word, or what to encode once addresses are known. */
  word: number;
  length: number;
  target?: { id: number; rd: number; rs1: number; rs2: number; block: number };
}

/** The bytes of a program; it starts at its first byte. */
export function randomProgram(seed: number, blocks = 24): Uint8Array {
  const next = randomNumbers(seed);
  const free = (): number => FIRST_FREE + (next() % (32 - FIRST_FREE));
  const code: Item[][] = [];
  const add = (list: Item[], id: number, rd: number, rs1: number, rs2: number, imm: number): void => {
    const short = next() % 2 ? compress(id, rd, rs1, rs2, imm) : -1;
    if (short === -1) list.push({ word: encode(id, rd, rs1, rs2, imm), length: 4 });
    else list.push({ word: short, length: 2 });
  };
  const memoryOffset = (size: number): number => ((next() % 128) - 64) * size;
  for (let block = 0; block < blocks; block++) {
    const list: Item[] = [];
    for (let count = next() % 9; count > 0; count--) {
      const kind = next() % 20;
      if (kind < 11) {
        const id = ALU[next() % ALU.length]!;
        const fields = operandFields(ROWS[id]!);
        const rs1 = fields & 2 ? free() : 0;
        const rs2 = fields & 4 ? free() : 0;
        add(list, id, free(), rs1, rs2, randomFields(id, next()).imm);
      } else if (kind < 15) {
        const id = LOADS[next() % LOADS.length]!;
        add(list, id, free(), DATA_BASE, 0, memoryOffset(ROWS[id]!.access!.size));
      } else if (kind < 18) {
        const id = STORES[next() % STORES.length]!;
        add(list, id, 0, DATA_BASE, free(), memoryOffset(ROWS[id]!.access!.size));
      } else if (kind < 19) {
        // The base register moves a little; the tests leave room around the data.
        add(list, idOf('addi'), DATA_BASE, DATA_BASE, 0, next() % 2 ? 8 : -8);
      } else if (next() % 2) {
        const id = ATOMICS[next() % ATOMICS.length]!;
        const { kind: what, size } = ROWS[id]!.access!;
        add(list, id, free(), DATA_BASE, what === 'lr' ? 0 : free(), 0);
        if (what === 'lr' && next() % 2)
          add(list, idOf(size === 4 ? 'sc.w' : 'sc.d'), free(), DATA_BASE, free(), 0);
      } else {
        add(list, idOf('lw'), free(), CODE_BASE, 0, 0);
      }
    }
    const to = next() % blocks;
    const kind = next() % 10;
    if (kind < 6) {
      const id = BRANCHES[next() % BRANCHES.length]!;
      list.push({
        word: 0,
        length: 4,
        target: { id, rd: 0, rs1: free(), rs2: next() % 3 ? free() : 0, block: to },
      });
    } else if (kind < 8) {
      const rd = next() % 2 ? RA : 0;
      list.push({ word: 0, length: 4, target: { id: idOf('jal'), rd, rs1: 0, rs2: 0, block: to } });
    } else if (kind === 8) {
      add(list, idOf('jalr'), 0, RA, 0, 0);
    } else if (next() % 4 === 0) {
      // Copies the first word of the code, which is never run again, over the word after the store.
      list.push({ word: encode(idOf('auipc'), FIRST_FREE, 0, 0, 0), length: 4 });
      list.push({ word: encode(idOf('lw'), FIRST_FREE + 1, CODE_BASE, 0, (next() % 4) * 4), length: 4 });
      list.push({ word: encode(idOf('sw'), 0, FIRST_FREE, FIRST_FREE + 1, 12), length: 4 });
      list.push({ word: encode(idOf('addi'), 5, 6, 0, 1), length: 4 });
    }
    code.push(list);
  }
  return assemble(code);
}

/** Four harmless words for the code to copy, and the blocks; the last one jumps back to the first. */
function assemble(code: readonly Item[][]): Uint8Array {
  const donors = ['add', 'xor', 'sub', 'mulw'].map((name) => encode(idOf(name), 7, 8, 9));
  const loopBack: Item = { word: 0, length: 4, target: { id: idOf('jal'), rd: 0, rs1: 0, rs2: 0, block: 0 } };
  const all = [...code, [loopBack]];
  const starts: number[] = [];
  let at = donors.length * 4;
  for (const list of all) {
    starts.push(at);
    for (const item of list) at += item.length;
  }
  const bytes = new Uint8Array(at);
  const view = new DataView(bytes.buffer);
  for (const [i, word] of donors.entries()) view.setUint32(i * 4, word, true);
  at = donors.length * 4;
  for (const list of all) {
    for (const { word, length, target } of list) {
      if (target) {
        const { id, rd, rs1, rs2, block } = target;
        view.setUint32(at, encode(id, rd, rs1, rs2, starts[block]! - at), true);
      } else if (length === 2) view.setUint16(at, word, true);
      else view.setUint32(at, word, true);
      at += length;
    }
  }
  return bytes;
}
