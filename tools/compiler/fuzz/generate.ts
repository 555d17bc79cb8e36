/** Makes random programs from a seed: the same seed gives the same program. */
import { Random } from '../../../emulator/random.ts';
import {
  type Arg,
  type BinaryOp,
  bitsOf,
  type CompareOp,
  type Condition,
  type Expr,
  type FieldDef,
  type FuncDef,
  type GlobalDef,
  INTS,
  type Int,
  isFloatType,
  type Param,
  type Place,
  type RandomProgram,
  type Scalar,
  type Stmt,
  type StructDef,
} from './program.ts';

const INT_OPS: readonly BinaryOp[] = [
  '+',
  '-',
  '*',
  '/',
  '%',
  '&',
  '|',
  '^',
  '<<',
  '>>',
  '>>>',
  '+',
  '-',
  '*',
  '&',
];
const FLOAT_OPS: readonly BinaryOp[] = ['+', '-', '*', '/'];
const COMPARES: readonly CompareOp[] = ['===', '!==', '<', '<=', '>', '>='];
const ARRAY_LENGTHS = [4, 8, 16] as const;
const INTERESTING = [
  0n,
  1n,
  2n,
  3n,
  7n,
  8n,
  10n,
  31n,
  63n,
  64n,
  100n,
  127n,
  128n,
  255n,
  256n,
  4095n,
  4096n,
  65535n,
];

/** What a statement may refer to. */
interface Scope {
  readonly scalars: { readonly name: string; readonly type: Scalar; readonly writable: boolean }[];
  readonly structs: { readonly name: string; readonly struct: StructDef }[];
  readonly arrays: {
    readonly name: string;
    readonly type: Scalar;
    readonly length: number;
    readonly slice: boolean;
  }[];
  readonly inLoop: boolean;
  /** Of the loops around. */
  readonly labels: readonly string[];
  readonly depth: number;
}

export function generateProgram(seed: number): RandomProgram {
  return new Generator(seed).program();
}

class Generator {
  private readonly random: Random;
  private readonly prefix: string;
  private names = 0;
  private readonly structs: StructDef[] = [];
  private readonly funcs: FuncDef[] = [];
  /** Statements that a function may still get, so that programs stay small. */
  private budget = 0;

  constructor(private readonly seed: number) {
    this.random = new Random(seed);
    this.prefix = `p${seed}_`;
  }

  program(): RandomProgram {
    const { random } = this;
    const structCount = random.below(3);
    for (let i = 0; i < structCount; i++) this.structs.push(this.struct(i));
    const globals = Array.from({ length: 2 + random.below(4) }, (_, i) => this.global(i));
    const top = this.globalScope(globals);
    const count = 1 + random.below(4);
    for (let i = 0; i < count; i++) this.funcs.push(this.func(`${this.prefix}f${i}`, this.params(), top));
    this.funcs.push(this.func(`${this.prefix}main`, [], top));
    return { seed: this.seed, structs: this.structs, globals, funcs: this.funcs };
  }

  private name(): string {
    return `v${this.names++}`;
  }

  private scalar(): Scalar {
    const { random } = this;
    if (random.chance(0.12)) return random.pick(['f64', 'f32'] as const);
    return random.pick(INTS);
  }

  private struct(index: number): StructDef {
    const { random } = this;
    const fields = Array.from({ length: 1 + random.below(5) }, (_, i): FieldDef => {
      const name = `m${i}`;
      if (index > 0 && random.chance(0.2))
        return { kind: 'struct', name, struct: random.pick(this.structs).name };
      if (random.chance(0.2))
        return { kind: 'array', name, type: this.scalar(), length: random.pick(ARRAY_LENGTHS) };
      return { kind: 'scalar', name, type: this.scalar() };
    });
    return { name: `${this.prefix}S${index}`, fields };
  }

  private global(index: number): GlobalDef {
    const { random } = this;
    const name = `${this.prefix}g${index}`;
    if (this.structs.length > 0 && random.chance(0.3))
      return { kind: 'struct', name, struct: random.pick(this.structs).name };
    const type = this.scalar();
    if (random.chance(0.4)) {
      return {
        kind: 'array',
        name,
        type,
        values: Array.from({ length: random.pick(ARRAY_LENGTHS) }, () => this.constant(type)),
      };
    }
    return { kind: 'scalar', name, type, value: this.constant(type) };
  }

  private globalScope(globals: readonly GlobalDef[]): Scope {
    const scope: Scope = { scalars: [], structs: [], arrays: [], inLoop: false, labels: [], depth: 0 };
    for (const global of globals) {
      if (global.kind === 'scalar')
        scope.scalars.push({ name: global.name, type: global.type, writable: true });
      else if (global.kind === 'array')
        scope.arrays.push({
          name: global.name,
          type: global.type,
          length: global.values.length,
          slice: false,
        });
      else scope.structs.push({ name: global.name, struct: this.structNamed(global.struct) });
    }
    return scope;
  }

  private structNamed(name: string): StructDef {
    return this.structs.find((struct) => struct.name === name)!;
  }

  private params(): Param[] {
    const { random } = this;
    return Array.from({ length: random.below(random.chance(0.15) ? 11 : 5) }, (): Param => {
      const name = this.name();
      if (this.structs.length > 0 && random.chance(0.15))
        return {
          kind: 'struct',
          name,
          struct: random.pick(this.structs).name,
          byValue: random.chance(0.4),
        };
      if (random.chance(0.12))
        return {
          kind: 'array',
          name,
          type: this.scalar(),
          length: random.pick(ARRAY_LENGTHS),
          slice: random.chance(0.5),
        };
      return { kind: 'scalar', name, type: this.scalar() };
    });
  }

  private func(name: string, params: readonly Param[], top: Scope): FuncDef {
    const scope = inner(top);
    for (const param of params) {
      if (param.kind === 'scalar') scope.scalars.push({ name: param.name, type: param.type, writable: true });
      else if (param.kind === 'array') scope.arrays.push(param);
      else scope.structs.push({ name: param.name, struct: this.structNamed(param.struct) });
    }
    this.budget = 18;
    const { random } = this;
    const result = this.scalar();
    const generic = params.some(({ kind }) => kind === 'scalar') && random.chance(0.2);
    const fuel = this.name();
    const recursive = params.length > 0 && random.chance(0.2);
    const all: readonly Param[] = recursive
      ? [...params, { kind: 'scalar', name: fuel, type: 'u32' }]
      : params;
    const body = this.statements(scope, 3 + random.below(6));
    if (recursive) {
      const again = this.recursion({ name, generic, params: all, result, body }, fuel, scope);
      if (again !== undefined) body.push(again);
    }
    body.push({ kind: 'return', value: this.expr(result, scope, 3) });
    return { name, generic, params: all, result, body };
  }

  /** A call of the function by itself, a few times at most: `fuel` is its last parameter. */
  private recursion(func: FuncDef, fuel: string, scope: Scope): Stmt | undefined {
    const params = func.params.slice(0, -1);
    const call = this.callOf({ ...func, params }, scope);
    if (call?.kind !== 'call') return undefined;
    const one: Expr = { kind: 'const', type: 'u32', value: 1n };
    const value: Expr = { kind: 'place', type: 'u32', place: { kind: 'var', name: fuel } };
    const less: Expr = { kind: 'binary', type: 'u32', op: '-', left: value, right: one };
    const few: Expr = { kind: 'const', type: 'u32', value: BigInt(1 + this.random.below(6)) };
    const yes: Stmt[] = [{ ...call, args: [...call.args, less] }];
    return { kind: 'if', condition: { kind: 'compare', op: '<', left: less, right: few }, yes, no: [] };
  }

  // Statements.

  private statements(scope: Scope, count: number): Stmt[] {
    const list: Stmt[] = [];
    for (let i = 0; i < count && this.budget > 0; i++) {
      this.budget--;
      const statement = this.statement(scope);
      list.push(statement);
      if (statement.kind === 'break' || statement.kind === 'continue' || statement.kind === 'return') break;
    }
    return list;
  }

  private statement(scope: Scope): Stmt {
    const { random } = this;
    const deep = scope.depth >= 3;
    const roll = random.below(100);
    if (roll < 18) return this.declaration(scope);
    if (roll < 50) return this.assignment(scope);
    if (roll < 60 && this.funcs.length > 0) return this.call(scope) ?? this.assignment(scope);
    if (scope.inLoop && roll >= 60 && roll < 64) {
      return {
        kind: 'if',
        condition: this.condition(scope, 1),
        yes: [
          {
            kind: random.chance(0.5) ? 'break' : 'continue',
            label: random.chance(0.3) && scope.labels.length > 0 ? random.pick(scope.labels) : undefined,
          },
        ],
        no: [],
      };
    }
    if (roll === 65) return this.copy(scope) ?? this.assignment(scope);
    if (deep) return this.assignment(scope);
    if (roll < 76) {
      const yes = this.statements(inner(scope), 1 + random.below(3));
      const no = random.chance(0.5) ? this.statements(inner(scope), 1 + random.below(3)) : [];
      return { kind: 'if', condition: this.condition(scope, 2), yes, no };
    }
    if (roll < 88) return this.loop(scope);
    if (roll < 95) return this.switchStatement(scope);
    return this.declaration(scope);
  }

  private declaration(scope: Scope): Stmt {
    const { random } = this;
    const name = this.name();
    if (this.structs.length > 0 && random.chance(0.12)) {
      const struct = random.pick(this.structs);
      scope.structs.push({ name, struct });
      return { kind: 'struct', name, struct: struct.name };
    }
    const type = this.scalar();
    if (random.chance(0.12)) {
      const length = random.pick(ARRAY_LENGTHS);
      scope.arrays.push({ name, type, length, slice: false });
      return { kind: 'array', name, type, length };
    }
    const value = this.expr(type, scope, 3);
    scope.scalars.push({ name, type, writable: true });
    return { kind: 'let', type, name, value };
  }

  private assignment(scope: Scope): Stmt {
    const { random } = this;
    const target = this.place(scope, undefined, true);
    if (target === undefined) return this.declaration(scope);
    const { place, type } = target;
    if (!isFloatType(type) && random.chance(0.1)) {
      const value: Expr = { kind: 'const', type, value: 1n };
      return { kind: 'assign', type, place, op: random.chance(0.5) ? '+' : '-', value };
    }
    const op = random.chance(0.5) ? random.pick(isFloatType(type) ? FLOAT_OPS : INT_OPS) : undefined;
    const value = op === undefined ? this.expr(type, scope, 3) : this.rightOperand(op, type, scope, 3);
    return { kind: 'assign', type, place, op, value };
  }

  /** A right operand: constant shift counts and divisors are ones that the checker accepts. */
  private rightOperand(op: BinaryOp, type: Scalar, scope: Scope, depth: number): Expr {
    const { random } = this;
    const isShift = op === '<<' || op === '>>' || op === '>>>';
    // TypeScript may take `x << f(… > (…` for a call with type arguments, so that count stays simple.
    const operand = this.expr(isShift ? random.pick(INTS) : type, scope, op === '<<' ? 0 : depth);
    if (isFloatType(type) || !(isShift || op === '/' || op === '%') || !mayFold(operand)) return operand;
    const value = isShift ? BigInt(random.below(bitsOf(type))) : BigInt(1 + random.below(100));
    return { kind: 'const', type: isShift ? 'u8' : type, value };
  }

  /** `assign(to, from)` of two structs of the same class. */
  private copy(scope: Scope): Stmt | undefined {
    const { random } = this;
    if (scope.structs.length === 0) return undefined;
    const to = random.pick(scope.structs);
    const from = random.pick(scope.structs.filter(({ struct }) => struct === to.struct));
    return { kind: 'copy', to: to.name, from: from.name };
  }

  private call(scope: Scope): Stmt | undefined {
    return this.callOf(this.random.pick(this.funcs), scope);
  }

  private callOf(func: FuncDef, scope: Scope): Stmt | undefined {
    const { random } = this;
    const target = this.place(scope, func.result, true);
    const args: Arg[] = [];
    for (const param of func.params) {
      if (param.kind === 'scalar') args.push(this.expr(param.type, scope, 2));
      else {
        const found: readonly { readonly name: string }[] =
          param.kind === 'struct'
            ? scope.structs.filter(({ struct }) => struct.name === param.struct)
            : scope.arrays.filter(
                ({ type, length, slice }) =>
                  type === param.type && length === param.length && (param.slice || !slice),
              );
        if (found.length === 0) return undefined;
        const byValue = param.kind === 'struct' && param.byValue;
        args.push({ kind: byValue ? 'byValue' : 'reference', name: random.pick(found).name });
      }
    }
    if (target === undefined) return undefined;
    const indirect = !func.generic && random.chance(0.2);
    return { kind: 'call', type: func.result, place: target.place, func: func.name, args, indirect };
  }

  private loop(scope: Scope): Stmt {
    const { random } = this;
    const label = random.chance(0.25) ? this.name() : undefined;
    const labels = label === undefined ? scope.labels : [...scope.labels, label];
    const body = { ...inner(scope), inLoop: true, labels };
    const roll = random.below(10);
    if (roll < 3 && scope.arrays.length > 0) {
      const array = random.pick(scope.arrays);
      const name = this.name();
      body.scalars.push({ name, type: array.type, writable: false });
      return {
        kind: 'forOf',
        name,
        type: array.type,
        array: { kind: 'var', name: array.name },
        length: array.length,
        body: this.statements(body, 1 + random.below(3)),
        label,
      };
    }
    if (roll < 5) {
      const condition = this.condition(scope, 1);
      return {
        kind: 'while',
        fuelName: this.name(),
        fuel: 1 + random.below(9),
        condition,
        body: this.statements(body, 1 + random.below(3)),
        label,
      };
    }
    const name = this.name();
    body.scalars.push({ name, type: 'u32', writable: false });
    const count = random.below(12);
    return { kind: 'for', name, count, body: this.statements(body, 1 + random.below(4)), label };
  }

  private switchStatement(scope: Scope): Stmt {
    const { random } = this;
    const type = random.pick(INTS);
    const values = new Set<bigint>();
    const count = 1 + random.below(6);
    const dense = random.chance(0.6);
    for (let i = 0; i < count; i++) values.add(dense ? BigInt(i + random.below(3)) : this.integer(type));
    const value: Expr = dense
      ? {
          kind: 'binary',
          type,
          op: '&',
          left: this.expr(type, scope, 2),
          right: { kind: 'const', type, value: 7n },
        }
      : this.expr(type, scope, 2);
    const inside = { ...scope, inLoop: false };
    const cases: { value: bigint | undefined; falls: boolean; body: Stmt[] }[] = [...values].map((v) => ({
      value: v,
      falls: random.chance(0.25),
      body: this.statements(inner(inside), 1 + random.below(2)),
    }));
    if (random.chance(0.6)) {
      cases.splice(random.below(cases.length + 1), 0, {
        value: undefined,
        falls: random.chance(0.25),
        body: this.statements(inner(inside), 1),
      });
    }
    const enumName = random.chance(0.3) ? `${this.prefix}${this.name()}` : undefined;
    return { kind: 'switch', value, enumName, cases };
  }

  // Places and expressions.

  /** A readable (or writable) place, of a type if one is wanted. */
  private place(
    scope: Scope,
    want: Scalar | undefined,
    writable: boolean,
  ): { readonly place: Place; readonly type: Scalar } | undefined {
    const candidates: { readonly place: () => Place; readonly type: Scalar }[] = [];
    for (const variable of scope.scalars) {
      if (!writable || variable.writable)
        candidates.push({ type: variable.type, place: () => ({ kind: 'var', name: variable.name }) });
    }
    for (const { name, type, length } of scope.arrays) {
      const array: Place = { kind: 'var', name };
      candidates.push({ type, place: () => this.element(array, length, scope) });
    }
    for (const { name, struct } of scope.structs) this.fields(name, struct, '', scope, candidates);
    const fitting = want === undefined ? candidates : candidates.filter(({ type }) => type === want);
    if (fitting.length === 0) return undefined;
    const chosen = this.random.pick(fitting);
    return { place: chosen.place(), type: chosen.type };
  }

  private fields(
    object: string,
    struct: StructDef,
    path: string,
    scope: Scope,
    out: { readonly place: () => Place; readonly type: Scalar }[],
  ): void {
    for (const field of struct.fields) {
      const full = path === '' ? field.name : `${path}.${field.name}`;
      const place: Place = { kind: 'field', object, path: full };
      if (field.kind === 'scalar') out.push({ type: field.type, place: () => place });
      else if (field.kind === 'array')
        out.push({ type: field.type, place: () => this.element(place, field.length, scope) });
      else this.fields(object, this.structNamed(field.struct), full, scope, out);
    }
  }

  private element(array: Place, length: number, scope: Scope): Place {
    return { kind: 'element', array, mask: length - 1, index: this.index(scope) };
  }

  /** An index: simple, because places would nest without end otherwise. */
  private index(scope: Scope): Expr {
    const { random } = this;
    const type = random.pick(['u32', 'u64', 'u8'] as const);
    const variables = scope.scalars.filter((variable) => !isFloatType(variable.type));
    if (variables.length === 0 || random.chance(0.2))
      return { kind: 'const', type, value: BigInt(random.below(16)) };
    const variable = random.pick(variables);
    const value: Expr = { kind: 'place', type: variable.type, place: { kind: 'var', name: variable.name } };
    const offset: Expr = { kind: 'const', type, value: BigInt(random.below(16)) };
    return { kind: 'binary', type, op: '+', left: { kind: 'cast', type, operand: value }, right: offset };
  }

  private integer(type: Int): bigint {
    const { random } = this;
    const bits = bitsOf(type);
    let value = random.chance(0.6) ? random.pick(INTERESTING) : random.belowBig(1n << 64n);
    if (random.chance(0.25)) value = -value;
    if (random.chance(0.15)) value = (1n << BigInt(bits - 1)) - (random.chance(0.5) ? 1n : 0n);
    return type[0] === 'i' ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
  }

  private constant(type: Scalar): Expr {
    if (isFloatType(type)) {
      const value = (this.random.below(4001) - 2000) / this.random.pick([1, 2, 4, 8]);
      return { kind: 'float', type, value };
    }
    return { kind: 'const', type, value: this.integer(type) };
  }

  private expr(type: Scalar, scope: Scope, depth: number): Expr {
    const { random } = this;
    const roll = random.below(100);
    if (depth <= 0 || roll < 25) {
      const found = random.chance(0.75) ? this.place(scope, type, false) : undefined;
      if (found !== undefined) return { kind: 'place', type, place: found.place };
      const other = random.chance(0.6) ? this.place(scope, undefined, false) : undefined;
      if (other !== undefined) {
        return { kind: 'cast', type, operand: { kind: 'place', type: other.type, place: other.place } };
      }
      return this.constant(type);
    }
    if (roll < 65) {
      const op = random.pick(isFloatType(type) ? FLOAT_OPS : INT_OPS);
      const left = this.expr(type, scope, depth - 1);
      const right = this.rightOperand(op, type, scope, depth - 1);
      return { kind: 'binary', type, op, left, right };
    }
    if (roll < 73) {
      return {
        kind: 'unary',
        type,
        op: isFloatType(type) || random.chance(0.5) ? '-' : '~',
        operand: this.expr(type, scope, depth - 1),
      };
    }
    if (roll < 84) {
      const from = this.scalar();
      return { kind: 'cast', type, operand: this.expr(from, scope, depth - 1) };
    }
    if (roll < 92 || isFloatType(type)) {
      return {
        kind: 'choice',
        type,
        condition: this.condition(scope, 1),
        yes: this.expr(type, scope, depth - 1),
        no: this.expr(type, scope, depth - 1),
      };
    }
    const name = random.pick(['clz', 'ctz', 'popcnt', 'bswap', 'rotl', 'rotr', 'min', 'max', 'abs'] as const);
    const args = [this.expr(type, scope, depth - 1)];
    if (name === 'rotl' || name === 'rotr') args.push(this.expr(random.pick(INTS), scope, depth - 1));
    if (name === 'min' || name === 'max') args.push(this.expr(type, scope, depth - 1));
    return { kind: 'intrinsic', type, name, args };
  }

  private condition(scope: Scope, depth: number): Condition {
    const { random } = this;
    if (depth > 0 && random.chance(0.3)) {
      const left = this.condition(scope, depth - 1);
      if (random.chance(0.2)) return { kind: 'not', operand: left };
      return { kind: random.chance(0.5) ? 'and' : 'or', left, right: this.condition(scope, depth - 1) };
    }
    const type = this.scalar();
    return {
      kind: 'compare',
      op: random.pick(COMPARES),
      left: this.expr(type, scope, 2),
      right: this.expr(type, scope, 1),
    };
  }
}

/** A scope inside of another: sees what is there, keeps its own to itself. */
const inner = (scope: Scope): Scope => ({
  scalars: [...scope.scalars],
  structs: [...scope.structs],
  arrays: [...scope.arrays],
  inLoop: scope.inLoop,
  labels: scope.labels,
  depth: scope.depth + 1,
});

/** Could the checker see a constant here? */
function mayFold(expr: Expr): boolean {
  switch (expr.kind) {
    case 'const':
    case 'float':
      return true;
    case 'binary':
      return mayFold(expr.left) && mayFold(expr.right);
    case 'unary':
    case 'cast':
      return mayFold(expr.operand);
    case 'choice':
      return conditionMayFold(expr.condition) && (mayFold(expr.yes) || mayFold(expr.no));
    default:
      return false;
  }
}

function conditionMayFold(condition: Condition): boolean {
  if (condition.kind === 'compare') return mayFold(condition.left) && mayFold(condition.right);
  if (condition.kind === 'not') return conditionMayFold(condition.operand);
  return conditionMayFold(condition.left) || conditionMayFold(condition.right);
}
