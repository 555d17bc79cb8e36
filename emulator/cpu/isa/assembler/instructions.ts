/** Assembles one instruction statement: finds the form that its operands fit and encodes it. */
import { aliasesByName } from '../aliases.ts';
import { COMPRESSED, compressedOperands } from '../compressed.ts';
import { csrNumber } from '../csr-names.ts';
import { operandFields } from '../decode.ts';
import { compress, DYNAMIC_ROUNDING, EncodingError, encode, ROUNDING_MODES } from '../encode.ts';
import { materialize } from '../materialize.ts';
import { fNumber, X_NAMES, xNumber } from '../registers.ts';
import type { Operand } from '../row.ts';
import { findId, idOf, ROWS } from '../table.ts';
import { parseExpression, type Resolver, type Value } from './expression.ts';
import type { RelocationName } from './fixups.ts';
import { assemblyError, type Statement } from './source.ts';

/** Where code goes. */
export interface CodeSink {
  readonly resolve: Resolver;
  /** Use 16-bit encodings where they exist. */
  readonly compress: boolean;
  /** Bytes already in the section. */
  readonly offset: number;
  emit(word: number, length: 2 | 4): void;
  /** A fixup at the present offset. */
  fixup(type: RelocationName, value: Value): void;
  /** Defines a new local label here and returns its name. */
  localLabel(): string;
}

interface Form {
  readonly id: number;
  readonly operands: readonly Operand[];
  readonly fixed: {
    readonly rd?: number;
    readonly rs1?: number;
    readonly rs2?: number | 'rs1';
    readonly imm?: number;
  };
  /** Only this 16-bit encoding. */
  readonly compressed?: { readonly match: number; readonly mask: number };
}

/** The forms of a mnemonic, in the order in which to try them. */
function formsOf(name: string): Form[] {
  const forms: Form[] = [];
  const id = findId(name);
  if (id !== undefined) forms.push({ id, operands: ROWS[id]!.operands, fixed: {} });
  for (const alias of aliasesByName.get(name) ?? []) {
    forms.push({ id: alias.base, operands: alias.operands, fixed: alias.fixed });
  }
  for (const row of COMPRESSED) {
    if (row.name !== name || row.compressOnly) continue;
    const fixed = { x0: 0, x1: 1, x2: 2 } as Record<string, number>;
    const operands = compressedOperands(row);
    forms.push({
      id: row.base,
      operands,
      fixed: {
        ...(row.rd in fixed && !operands.includes('rd') && { rd: fixed[row.rd]! }),
        ...(row.rs1 in fixed && !operands.includes('rs1') && { rs1: fixed[row.rs1]! }),
        ...(row.rs2 in fixed && { rs2: fixed[row.rs2]! }),
        ...(row.rd === row.rs1 && row.rd !== 'x0' && { rs1: -1 }),
      },
      compressed: row,
    });
  }
  return forms;
}

const MODIFIER = /^%(\w+)\s*\(([\s\S]*)\)$/;
const MEMORY = /^([\s\S]*)\(\s*([\w.]+)\s*\)$/;

/** Whether text has the shape offset(register). */
const isMemory = (text: string): boolean => xNumber(MEMORY.exec(text)?.[2] ?? '') !== undefined;

/** Operands read from text, and the relocation that the immediate needs. */
class Fields {
  rd = 0;
  rs1 = 0;
  rs2 = 0;
  rs3 = 0;
  rm = 0;
  imm = 0;
  relocation: { readonly modifier: string; readonly value: Value } | undefined;
}

/** Reads the operands of a form; undefined when they are not of its shape. */
function parseFields(form: Form, s: Statement, sink: CodeSink): Fields | undefined {
  const f = new Fields();
  const usesRounding = operandFields(ROWS[form.id]!) & 16;
  f.rm = usesRounding ? (ROWS[form.id]!.operands.includes('rm0') ? 0 : DYNAMIC_ROUNDING) : 0;
  let at = 0;
  for (const operand of form.operands) {
    const text = s.operands[at];
    if (operand === 'rm' || operand === 'rm0') {
      if (text === undefined) continue;
      const mode = ROUNDING_MODES.indexOf(text as 'rne');
      if (mode < 0) return undefined;
      f.rm = mode;
      at++;
      continue;
    }
    if (text === undefined) return undefined;
    at++;
    if (operand === 'fence') {
      const successor = s.operands[at++];
      if (successor === undefined) return undefined;
      const sets = [text, successor].map(parseFenceSet);
      if (sets.includes(-1)) return undefined;
      f.imm = (sets[0]! << 4) | sets[1]!;
    } else if (!parseOperand(operand, text, f, s, sink)) return undefined;
  }
  if (at !== s.operands.length) return undefined;
  const { fixed } = form;
  if (fixed.rd !== undefined) f.rd = fixed.rd;
  if (fixed.rs1 !== undefined) f.rs1 = fixed.rs1 === -1 ? f.rd : fixed.rs1;
  if (fixed.rs2 !== undefined) f.rs2 = fixed.rs2 === 'rs1' ? f.rs1 : fixed.rs2;
  if (fixed.imm !== undefined) f.imm = fixed.imm;
  return f;
}

function parseFenceSet(text: string): number {
  if (text === '0') return 0;
  if (!/^i?o?r?w?$/.test(text) || text === '') return -1;
  return [...text].reduce((set, c) => set | (8 >> 'iorw'.indexOf(c)), 0);
}

function parseOperand(operand: Operand, text: string, f: Fields, s: Statement, sink: CodeSink): boolean {
  const x = xNumber(text);
  const fr = fNumber(text);
  switch (operand) {
    case 'rd':
    case 'rs1':
    case 'rs2':
    case 'rs3':
      if (x === undefined) return false;
      f[operand] = x;
      return true;
    case 'fd':
    case 'fs1':
    case 'fs2':
    case 'fs3':
      if (fr === undefined) return false;
      f[operand === 'fd' ? 'rd' : (`r${operand.slice(1)}` as 'rs1')] = fr;
      return true;
    case 'imm':
    case 'target':
      if (x !== undefined || fr !== undefined || isMemory(text)) return false;
      parseImmediate(operand, text, f, s, sink);
      return true;
    case 'mem':
    case 'addr': {
      const match = MEMORY.exec(text);
      const base = match && xNumber(match[2]!);
      if (!match || base === undefined || base === null) return false;
      f.rs1 = base;
      const offset = match[1]!.trim();
      if (operand === 'addr') return offset === '' || offset === '0';
      if (offset !== '') parseImmediate('imm', offset, f, s, sink);
      return true;
    }
    case 'csr': {
      const known = csrNumber(text);
      if (known === undefined && (x !== undefined || !/^[\d(]/.test(text))) return false;
      f.imm = known ?? Number(parseExpression(text, s, sink.resolve).constant);
      return true;
    }
    case 'zimm':
      if (x !== undefined) return false;
      f.rs1 = Number(parseExpression(text, s, sink.resolve).constant);
      return true;
    default:
      return false;
  }
}

function parseImmediate(operand: Operand, text: string, f: Fields, s: Statement, sink: CodeSink): void {
  const modified = MODIFIER.exec(text);
  const value = parseExpression(modified ? modified[2]! : text, s, sink.resolve);
  if (modified || value.symbols.size > 0) {
    f.relocation = { modifier: (modified?.[1] ?? '').toLowerCase(), value };
  } else if (operand === 'target') {
    // A number as target is an absolute address in GNU as; here, as in objdump's raw form, a distance.
    f.imm = Number(value.constant);
  } else {
    f.imm = Number(BigInt.asIntN(64, value.constant));
  }
}

/** The relocation of an immediate field with a modifier. */
function relocationFor(form: Form, modifier: string, s: Statement): RelocationName {
  const kind = ROWS[form.id]!.immediate;
  if (modifier === '') {
    if (kind === 'b') return form.compressed ? 'R_RISCV_RVC_BRANCH' : 'R_RISCV_BRANCH';
    if (kind === 'j') return form.compressed ? 'R_RISCV_RVC_JUMP' : 'R_RISCV_JAL';
  }
  if (kind === 'u' && modifier === 'hi') return 'R_RISCV_HI20';
  if (kind === 'u' && modifier === 'pcrel_hi') return 'R_RISCV_PCREL_HI20';
  if (kind === 'i' && modifier === 'lo') return 'R_RISCV_LO12_I';
  if (kind === 's' && modifier === 'lo') return 'R_RISCV_LO12_S';
  if (kind === 'i' && modifier === 'pcrel_lo') return 'R_RISCV_PCREL_LO12_I';
  if (kind === 's' && modifier === 'pcrel_lo') return 'R_RISCV_PCREL_LO12_S';
  const what = modifier === '' ? 'a symbol' : `%${modifier}`;
  throw assemblyError(s, `${s.operation} cannot take ${what} as its operand`);
}

function encodeForm(form: Form, f: Fields, s: Statement, sink: CodeSink): void {
  const row = ROWS[form.id]!;
  let { imm } = f;
  if (row.immediate === 'u' && f.relocation === undefined && form.operands.includes('imm')) {
    // Text gives the upper 20 bits, signed or unsigned.
    if (imm < -0x80000 || imm > 0xfffff) throw assemblyError(s, `${imm} does not fit 20 bits`);
    imm <<= 12;
  }
  if (f.relocation) {
    sink.fixup(relocationFor(form, f.relocation.modifier, s), f.relocation.value);
    imm = 0;
  }
  let half = -1;
  if (form.compressed || (sink.compress && !f.relocation)) {
    half = f.rm === 0 && f.rs3 === 0 ? compress(form.id, f.rd, f.rs1, f.rs2, imm) : -1;
    if (form.compressed && f.relocation) half = form.compressed.match | compressedRegisters(form, f);
  }
  if (form.compressed) {
    const { match, mask } = form.compressed;
    if (half < 0 || (half & mask) !== match) throw assemblyError(s, `${s.operation}: operands do not fit`);
  }
  if (half >= 0) sink.emit(half, 2);
  else sink.emit(encode(form.id, f.rd, f.rs1, f.rs2, imm, f.rs3, f.rm), 4);
}

/** The register bits of c.beqz and c.bnez, whose target comes later. */
function compressedRegisters(form: Form, f: Fields): number {
  return form.operands.includes('rs1') ? (f.rs1 - 8) << 7 : 0;
}

const ORDER = /\.(aqrl|aq|rl)$/;
const ORDER_BITS: Record<string, number> = { aq: 2, rl: 1, aqrl: 3 };

/** Assembles a statement that is not a directive. */
export function assembleInstruction(s: Statement, sink: CodeSink): void {
  if (assembleMacro(s, sink)) return;
  let name = s.operation;
  let order = 0;
  let forms = formsOf(name);
  const suffix = ORDER.exec(name);
  if (forms.length === 0 && suffix) {
    name = name.slice(0, -suffix[0].length);
    order = ORDER_BITS[suffix[1]!]!;
    forms = formsOf(name).filter((form) => ROWS[form.id]!.immediate === 'aqrl');
  }
  if (forms.length === 0) throw assemblyError(s, `there is no instruction "${s.operation}"`);
  let failure: Error | undefined;
  for (const form of forms) {
    const fields = parseFields(form, s, sink);
    if (!fields) continue;
    if (order !== 0) fields.imm = order;
    try {
      encodeForm(form, fields, s, sink);
      return;
    } catch (error) {
      if (!(error instanceof EncodingError)) throw error;
      failure ??= assemblyError(s, error.message);
    }
  }
  throw failure ?? assemblyError(s, `${s.operation} does not take the operands "${s.operands.join(', ')}"`);
}

const LOADS = new Set(['lb', 'lh', 'lw', 'ld', 'lbu', 'lhu', 'lwu', 'flw', 'fld']);
const STORES = new Set(['sb', 'sh', 'sw', 'sd', 'fsw', 'fsd']);

/** Pseudo-instructions of several words. @returns false for anything else */
function assembleMacro(s: Statement, sink: CodeSink): boolean {
  const line = (operation: string, ...operands: string[]): void =>
    assembleInstruction({ ...s, labels: [], operation, operands }, sink);
  const [first = '', second = '', third = ''] = s.operands;
  const count = s.operands.length;
  /** auipc `register`; the second instruction takes the rest of the distance. */
  const pcRelative = (register: string, symbol: string, rest: (low: string) => void): void => {
    const label = sink.localLabel();
    line('auipc', register, `%pcrel_hi(${symbol})`);
    rest(`%pcrel_lo(${label})`);
  };
  const far = (link: string, symbol: string, scratch: string): void => {
    sink.fixup('R_RISCV_CALL_PLT', parseExpression(symbol.replace(/@plt$/, ''), s, sink.resolve));
    sink.emit(encode(idOf('auipc'), xNumber(scratch)), 4);
    sink.emit(encode(idOf('jalr'), xNumber(link), xNumber(scratch)), 4);
  };
  switch (s.operation) {
    case 'li': {
      const rd = xNumber(first);
      if (rd === undefined || count !== 2 || second.startsWith('%')) return false;
      const value = parseExpression(second, s, sink.resolve);
      if (value.symbols.size > 0) throw assemblyError(s, 'li takes a number; use la for an address');
      let source = 'zero';
      for (const step of materialize(value.constant)) {
        const imm = step.name === 'lui' ? `${(step.imm >>> 12) & 0xfffff}` : `${step.imm}`;
        if (step.name === 'lui') line('lui', first, imm);
        else line(step.name, first, source, imm);
        source = X_NAMES[rd]!;
      }
      return true;
    }
    case 'la':
    case 'lla':
      if (count !== 2) return false;
      pcRelative(first, second, (low) => line('addi', first, first, low));
      return true;
    case 'call':
      if (count === 2) far(first, second, first);
      else far('ra', first, 'ra');
      return true;
    case 'tail':
      far('zero', first, 't1');
      return true;
    case 'jump':
      far('zero', first, second);
      return true;
  }
  const symbolic =
    count >= 2 && /^[A-Za-z_.$][\w.$]*(\s*[-+]\s*\w+)?$/.test(second) && xNumber(second) === undefined;
  if (LOADS.has(s.operation) && symbolic) {
    const scratch = s.operation.startsWith('f') ? third : first;
    pcRelative(scratch, second, (low) => line(s.operation, first, `${low}(${scratch})`));
    return true;
  }
  if (STORES.has(s.operation) && symbolic && count === 3) {
    pcRelative(third, second, (low) => line(s.operation, first, `${low}(${third})`));
    return true;
  }
  return false;
}
