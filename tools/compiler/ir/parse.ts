/**
 * Reads the text form of the IR that print.ts writes. Line-oriented: one declaration or instruction a line, `;` starts a
 * comment. Errors are `UserError`s with the line number. Values must be defined on an earlier line than they are used,
 * except as arguments of edges.
 */
import { UserError } from '../../../emulator/errors.ts';
import {
  type AsmBody,
  type Block,
  type Edge,
  Func,
  Global,
  type Linkage,
  Module,
  type Sym,
  type Value,
} from './ir.ts';
import { parseTrapFrame } from './trap-frame.ts';
import { memNames, Op, opByName, opInfo, orderNames, Type, typeNames } from './types.ts';

const TOKEN =
  /\s+|;.*|("(?:[^"\\]|\\.)*")|(@"(?:[^"\\]|\\.)*"|@[\w.$]+)|(%\w+|\$\d+)|(-?\d[\w]*)|([A-Za-z_][\w.]*)|(->|[(){}[\],:=])/y;

class LineReader {
  private tokens: string[] = [];
  private at = 0;

  constructor(
    text: string,
    readonly line: number,
  ) {
    TOKEN.lastIndex = 0;
    while (TOKEN.lastIndex < text.length) {
      const start = TOKEN.lastIndex;
      const match = TOKEN.exec(text);
      if (match === null) throw this.error(`unexpected character '${text[start]}'`);
      const token = match[0];
      if (token.trim() !== '' && !token.startsWith(';')) this.tokens.push(token);
    }
  }

  error(message: string): UserError {
    return new UserError(`IR text, line ${this.line}: ${message}`);
  }

  get done(): boolean {
    return this.at >= this.tokens.length;
  }

  peek(): string {
    return this.tokens[this.at] ?? '';
  }

  next(): string {
    if (this.done) throw this.error('the line ends too early');
    return this.tokens[this.at++]!;
  }

  accept(token: string): boolean {
    if (this.peek() !== token) return false;
    this.at++;
    return true;
  }

  expect(token: string): void {
    const found = this.peek();
    if (!this.accept(token)) throw this.error(`expected '${token}', found '${found}'`);
  }

  number(): number {
    return Number(this.bigint());
  }

  bigint(): bigint {
    const token = this.next();
    try {
      return BigInt(token);
    } catch {
      throw this.error(`expected a number, found '${token}'`);
    }
  }

  quoted(): string {
    const token = this.next();
    if (!token.startsWith('"')) throw this.error(`expected a quoted text, found '${token}'`);
    return JSON.parse(token) as string;
  }

  type(): Type {
    const name = this.next();
    const type = typeNames.indexOf(name);
    if (type < 0) throw this.error(`'${name}' is not a type`);
    return type;
  }

  symName(): string {
    const token = this.next();
    if (!token.startsWith('@')) throw this.error(`expected a symbol, found '${token}'`);
    return token.startsWith('@"') ? (JSON.parse(token.slice(1)) as string) : token.slice(1);
  }

  oneOf(names: readonly string[]): number {
    const token = this.next();
    const index = names.indexOf(token);
    if (index < 0) throw this.error(`'${token}' is not one of ${names.join(', ')}`);
    return index;
  }
}

export function parseModule(text: string): Module {
  const module = new Module();
  const syms = new Map<string, Sym>();
  const lines = text.split('\n').map((line, index) => new LineReader(line, index + 1));
  const bodies: [Func, FuncParser, number][] = [];
  const globals: [Global, LineReader][] = [];
  // Declarations first, so that bodies and relocations may refer to symbols declared later.
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    if (line.done) continue;
    if (line.accept('extern')) {
      const isFunction = line.next() === 'func';
      const name = line.symName();
      syms.set(name, module.external(name, isFunction));
      continue;
    }
    const linkage = ['local', 'global', 'weak'][line.oneOf(['local', 'global', 'weak'])] as Linkage;
    const kind = line.next();
    if (kind === 'func') {
      const parser = new FuncParser(line, syms);
      parser.func.linkage = linkage;
      syms.set(parser.func.name, module.addFunc(parser.func));
      if (parser.func.nakedBody !== undefined) continue;
      bodies.push([parser.func, parser, i + 1]);
      while (i < lines.length && lines[i]!.peek() !== '}') i++;
      if (i === lines.length) throw line.error('the function has no closing brace');
    } else if (kind === 'global' || kind === 'const') {
      const global = parseGlobal(line);
      global.linkage = linkage;
      global.isConst = kind === 'const';
      syms.set(global.name, module.addGlobal(global));
      globals.push([global, line]);
    } else {
      throw line.error(`'${kind}' does not start a declaration`);
    }
  }
  for (const [global, line] of globals) parseRelocs(global, line, syms);
  for (const [, parser, start] of bodies) parser.parseBody(lines, start);
  return module;
}

function findSym(line: LineReader, syms: ReadonlyMap<string, Sym>): Sym {
  const name = line.symName();
  const sym = syms.get(name);
  if (sym === undefined) throw line.error(`@${name} is not declared`);
  return sym;
}

function parseGlobal(line: LineReader): Global {
  const name = line.symName();
  line.expect('size');
  line.expect('=');
  const size = line.number();
  line.expect('align');
  line.expect('=');
  const global = new Global(name, size, line.number());
  if (line.accept('section')) {
    line.expect('=');
    global.section = line.quoted();
  }
  if (line.accept('data')) {
    line.expect('=');
    let hex = '';
    // Hexadecimal digits may be read as several tokens.
    while (!line.done && line.peek() !== 'reloc') hex += line.next();
    global.data = Uint8Array.from(Buffer.from(hex, 'hex'));
    if (global.data.length !== size) throw line.error(`@${name} has ${global.data.length} bytes of data`);
  }
  return global;
}

function parseRelocs(global: Global, line: LineReader, syms: ReadonlyMap<string, Sym>): void {
  while (line.accept('reloc')) {
    line.expect('=');
    const offset = line.number();
    line.expect(':');
    const sym = findSym(line, syms);
    line.expect(':');
    global.relocs.push({ offset, sym, addend: line.number() });
  }
}

class FuncParser {
  readonly func: Func;
  private readonly values = new Map<string, Value>();
  private readonly blocks = new Map<string, Block>();
  private readonly edgeFixes: [LineReader, Edge, string[]][] = [];

  constructor(
    line: LineReader,
    private readonly syms: ReadonlyMap<string, Sym>,
  ) {
    const name = line.symName();
    line.expect('(');
    const types: Type[] = [];
    const names: string[] = [];
    while (!line.accept(')')) {
      types.push(line.type());
      names.push(line.next());
      line.accept(',');
    }
    const results: Type[] = [];
    if (line.accept('->')) {
      do results.push(line.type());
      while (line.accept(','));
    }
    this.func = new Func(name, types, results);
    names.forEach((param, index) => {
      this.values.set(param, this.func.params[index]!);
    });
    while (!line.done && !line.accept('{')) this.attribute(line, line.next());
  }

  private attribute(line: LineReader, name: string): void {
    const { func } = this;
    if (name === 'noreturn') func.isNoReturn = true;
    else if (name === 'cold') func.isCold = true;
    else {
      line.expect('=');
      if (name === 'align') func.align = line.number();
      else if (name === 'section') func.section = line.quoted();
      else if (name === 'naked') func.nakedBody = line.quoted();
      else if (name === 'trapframe') func.trapFrame = parseTrapFrame(line.quoted());
      else if (name === 'inline') func.inline = line.next() === 'always' ? 'always' : 'never';
      else throw line.error(`'${name}' is not an attribute of a function`);
    }
  }

  parseBody(lines: readonly LineReader[], start: number): void {
    let block: Block | undefined;
    for (let i = start; ; i++) {
      const line = lines[i]!;
      if (line.done) continue;
      if (line.accept('}')) break;
      if (line.accept('slot')) {
        const token = line.next();
        line.expect('size');
        line.expect('=');
        const size = line.number();
        line.expect('align');
        line.expect('=');
        const slot = this.func.newSlot(size, line.number());
        if (token !== `$${slot.id}`) throw line.error(`slots are numbered in order: expected $${slot.id}`);
      } else if (/^b\d+$/.test(line.peek())) {
        block = this.blockNamed(line.next());
        this.func.blocks.push(block);
        if (line.accept('(')) {
          while (!line.accept(')')) {
            const param = this.func.newValue(Op.Phi, line.type(), []);
            param.block = block;
            block.params.push(param);
            this.values.set(line.next(), param);
            line.accept(',');
          }
        }
        line.expect(':');
      } else {
        if (block === undefined) throw line.error('an instruction outside of a block');
        this.instruction(line, block);
      }
    }
    for (const [line, edge, names] of this.edgeFixes) edge.args = names.map((name) => this.value(line, name));
  }

  private blockNamed(name: string): Block {
    let block = this.blocks.get(name);
    if (block === undefined) {
      block = this.func.newBlock();
      this.blocks.set(name, block);
    }
    return block;
  }

  private value(line: LineReader, name: string): Value {
    const value = this.values.get(name);
    if (value === undefined) throw line.error(`${name} is not defined`);
    return value;
  }

  private instruction(line: LineReader, block: Block): void {
    let name: string | undefined;
    if (line.peek().startsWith('%')) {
      name = line.next();
      line.expect('=');
    }
    const opName = line.next();
    const op = opByName.get(opName);
    if (op === undefined) throw line.error(`'${opName}' is not an operation`);
    const type = name === undefined ? Type.Void : line.type();
    const inst = this.func.newValue(op, type, []);
    inst.block = block;
    block.insts.push(inst);
    if (name !== undefined) this.values.set(name, inst);
    while (/^[%$@]|^-?\d/.test(line.peek())) {
      this.operand(line, inst);
      if (!line.accept(',')) break;
    }
    while (!line.done) {
      if (line.accept('[')) this.edges(line, inst);
      else this.instAttribute(line, inst, line.next());
    }
    const { arity } = opInfo[op]!;
    if (arity >= 0 && op !== Op.CsrWrite && op !== Op.CsrRead && inst.args.length !== arity) {
      throw line.error(`${opName} takes ${arity} operands, not ${inst.args.length}`);
    }
  }

  private operand(line: LineReader, inst: Value): void {
    const token = line.peek();
    if (token.startsWith('%')) inst.args.push(this.value(line, line.next()));
    else if (token.startsWith('@')) inst.sym = findSym(line, this.syms);
    else if (token.startsWith('$')) {
      inst.slot = this.func.slots[Number(line.next().slice(1))];
      if (inst.slot === undefined) throw line.error(`${token} is not a slot`);
    } else inst.imm = line.bigint();
  }

  private edges(line: LineReader, inst: Value): void {
    inst.succs = [];
    while (!line.accept(']')) {
      if (/^-?\d/.test(line.peek())) {
        (inst.cases ??= []).push(line.bigint());
        line.expect(':');
      }
      const edge: Edge = { to: this.blockNamed(line.next()), args: [] };
      inst.succs.push(edge);
      const names: string[] = [];
      if (line.accept('(')) {
        while (!line.accept(')')) {
          names.push(line.next());
          line.accept(',');
        }
      }
      this.edgeFixes.push([line, edge, names]);
      line.accept(',');
    }
    if (inst.op === Op.Switch) inst.cases ??= [];
  }

  private instAttribute(line: LineReader, inst: Value, name: string): void {
    if (name === 'volatile') {
      inst.isVolatile = true;
      return;
    }
    line.expect('=');
    if (name === 'sets') inst.imm = line.bigint();
    else if (name === 'off') inst.off = line.number();
    else if (name === 'mem') inst.mem = line.oneOf(memNames);
    else if (name === 'align') inst.align = line.number();
    else if (name === 'alias') inst.alias = line.number();
    else if (name === 'order') inst.order = line.oneOf(orderNames);
    else if (name === 'likely') inst.likely = line.number();
    else if (name === 'info') inst.sym2 = findSym(line, this.syms);
    else if (name === 'text') inst.asm = parseAsm(line, line.quoted());
    else throw line.error(`'${name}' is not an attribute of an instruction`);
  }
}

function parseAsm(line: LineReader, template: string): AsmBody {
  const list = (name: string): string[] => {
    line.expect(name);
    line.expect('=');
    return line.quoted().split(',').filter(Boolean);
  };
  const outs = list('outs').map((out) => out.split(':'));
  return {
    template,
    outputs: outs.map(([constraint]) => ({ constraint: constraint! })),
    outputTypes: outs.map(([, type]) => typeNames.indexOf(type ?? 'i64')),
    inputs: list('ins').map((constraint) => ({ constraint })),
    clobbers: list('clobbers'),
  };
}
