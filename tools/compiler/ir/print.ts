/**
 * The text form of the IR, for tests and for `build --emit-ir`. parse.ts reads the same form back; printing what was
 * parsed gives the same text. Values are numbered in the order in which they are printed, not by their ids.
 */
import type { Edge, Func, Global, Module, Sym, Value } from './ir.ts';
import { trapFrameText } from './trap-frame.ts';
import { memNames, Op, opInfo, orderNames, Type, typeNames } from './types.ts';

const escapeText = (text: string): string => JSON.stringify(text);

/** `@name`, quoted where the name is not a plain identifier. */
const symText = (sym: Sym): string =>
  /^[A-Za-z_.$][\w.$]*$/.test(sym.name) ? `@${sym.name}` : `@${escapeText(sym.name)}`;

export function printModule(module: Module): string {
  const parts: string[] = [];
  for (const external of module.externals.values()) {
    parts.push(`extern ${external.isFunction ? 'func' : 'data'} ${symText(external)}\n`);
  }
  for (const global of module.globals) parts.push(printGlobal(global));
  for (const func of module.funcs) parts.push(printFunc(func));
  return parts.join('\n');
}

function symAttributes(sym: Sym): string {
  return sym.section === undefined ? '' : ` section=${escapeText(sym.section)}`;
}

function printGlobal(global: Global): string {
  const kind = global.isConst ? 'const' : 'global';
  let text = `${global.linkage} ${kind} ${symText(global)} size=${global.size} align=${global.align}`;
  text += symAttributes(global);
  if (global.data !== undefined) text += ` data=${Buffer.from(global.data).toString('hex')}`;
  for (const reloc of global.relocs) text += ` reloc=${reloc.offset}:${symText(reloc.sym)}:${reloc.addend}`;
  return `${text}\n`;
}

export function printFunc(func: Func): string {
  return new FuncPrinter(func).print();
}

class FuncPrinter {
  private readonly names = new Map<Value, string>();
  private readonly out: string[] = [];

  constructor(private readonly func: Func) {
    let count = 0;
    for (const param of func.params) this.names.set(param, `%${count++}`);
    for (const block of func.blocks) {
      for (const param of block.params) this.names.set(param, `%${count++}`);
      for (const inst of block.insts) {
        if (inst.type !== Type.Void) this.names.set(inst, `%${count++}`);
      }
    }
  }

  print(): string {
    const { func, out } = this;
    const params = func.params.map((param) => `${typeNames[param.type]} ${this.name(param)}`).join(', ');
    const results = func.resultTypes.map((type) => typeNames[type]).join(', ');
    let head = `${func.linkage} func ${symText(func)}(${params})`;
    if (results !== '') head += ` -> ${results}`;
    if (func.align > 1) head += ` align=${func.align}`;
    head += symAttributes(func);
    if (func.inline !== 'auto') head += ` inline=${func.inline}`;
    if (func.isNoReturn) head += ' noreturn';
    if (func.isCold) head += ' cold';
    if (func.trapFrame) head += ` trapframe=${escapeText(trapFrameText(func.trapFrame))}`;
    if (func.nakedBody !== undefined) return `${head} naked=${escapeText(func.nakedBody)}\n`;
    out.push(`${head} {`);
    for (const slot of func.slots) out.push(`  slot $${slot.id} size=${slot.size} align=${slot.align}`);
    for (const block of func.blocks) {
      const blockParams = block.params.map((param) => `${typeNames[param.type]} ${this.name(param)}`);
      out.push(`b${block.id}${blockParams.length > 0 ? `(${blockParams.join(', ')})` : ''}:`);
      for (const inst of block.insts) out.push(`  ${this.inst(inst)}`);
    }
    out.push('}', '');
    return out.join('\n');
  }

  private name(value: Value): string {
    return this.names.get(value) ?? `%dead${value.id}`;
  }

  private edge(edge: Edge): string {
    const args = edge.args.map((arg) => this.name(arg)).join(', ');
    return `b${edge.to.id}${args === '' ? '' : `(${args})`}`;
  }

  private inst(inst: Value): string {
    const info = opInfo[inst.op]!;
    const words: string[] = [];
    if (inst.type !== Type.Void) words.push(`${this.name(inst)} = `);
    words.push(info.name);
    if (inst.type !== Type.Void) words.push(` ${typeNames[inst.type]}`);
    const operands = inst.args.map((arg) => this.name(arg));
    if (inst.op === Op.Const) operands.push(String(inst.imm));
    if (inst.slot !== undefined) operands.unshift(`$${inst.slot.id}`);
    if (inst.sym !== undefined) operands.unshift(symText(inst.sym));
    if (operands.length > 0) words.push(` ${operands.join(', ')}`);
    words.push(this.attributes(inst));
    if (inst.succs.length > 0) {
      const edges = inst.succs.map((edge, index) =>
        index > 0 && inst.cases !== undefined
          ? `${inst.cases[index - 1]}: ${this.edge(edge)}`
          : this.edge(edge),
      );
      words.push(` [${edges.join(', ')}]`);
    }
    return words.join('');
  }

  private attributes(inst: Value): string {
    let text = '';
    if (inst.op === Op.Fence) text += ` sets=${inst.imm}`;
    if (inst.off !== 0) text += ` off=${inst.off}`;
    if (usesMem(inst.op)) text += ` mem=${memNames[inst.mem]}`;
    if (inst.align !== 1) text += ` align=${inst.align}`;
    if (inst.isVolatile) text += ' volatile';
    if (inst.alias !== 0) text += ` alias=${inst.alias}`;
    if (inst.order !== 0) text += ` order=${orderNames[inst.order]}`;
    if (inst.sym2 !== undefined) text += ` info=${symText(inst.sym2)}`;
    if (inst.likely !== 0) text += ` likely=${inst.likely}`;
    if (inst.asm !== undefined) {
      const { template, outputs, outputTypes, inputs, clobbers } = inst.asm;
      const outs = outputs.map((out, index) => `${out.constraint}:${typeNames[outputTypes[index]!]}`);
      text += ` text=${escapeText(template)} outs=${escapeText(outs.join(','))}`;
      text += ` ins=${escapeText(inputs.map((input) => input.constraint).join(','))}`;
      text += ` clobbers=${escapeText(clobbers.join(','))}`;
    }
    return text;
  }
}

/** Whether the operation's `mem` field has a meaning. */
export function usesMem(op: Op): boolean {
  return op === Op.Load || op === Op.Store || op === Op.PLoad || (op >= Op.AtomicLoad && op <= Op.AtomicCas);
}
