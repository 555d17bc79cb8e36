/** Prints random programs in guest TypeScript. */
import {
  type Arg,
  type Condition,
  type Expr,
  type FieldDef,
  type GlobalDef,
  isFloatType,
  type Param,
  type Place,
  type RandomProgram,
  type Scalar,
  type Stmt,
} from './program.ts';

/** A program that computes the hash of each of the programs and leaves it in `results`. */
export function printGuest(programs: readonly RandomProgram[]): string {
  const runs = programs.map((program, index) => `  results[${index}] = ${runName(program)}();`);
  return [
    `export const results = zeroed<FixedArray<u64, ${programs.length}>>();`,
    'function mix(hash: u64, value: u64): u64 { return rotl((hash ^ value) * 0x9e37_79b9_7f4a_7c15, 23); }',
    'function bits64(x: f64): u64 { return x !== x ? 1 : changetype<u64>(x); }',
    'function bits32(x: f32): u64 { return x !== x ? 1 : u64(changetype<u32>(x)); }',
    ...programs.map(printProgram),
    '/** @export */',
    `function main(): void {\n${runs.join('\n')}\n}`,
    '',
  ].join('\n');
}

const runName = (program: RandomProgram): string => `p${program.seed}_run`;

function printProgram(program: RandomProgram): string {
  const structs = program.structs.map(
    ({ name, fields }) => `class ${name} {\n${fields.map(field).join('\n')}\n}`,
  );
  const globals = program.globals.map(global);
  const funcs = program.funcs.map(
    (func) =>
      `function ${func.name}(${func.params.map(param).join(', ')}): ${func.result} {\n${block(func.body, 1)}\n}`,
  );
  const main = program.funcs[program.funcs.length - 1]!;
  const mixes = [
    hashOf(`${main.name}()`, main.result),
    ...program.globals.flatMap((g) => globalHashes(program, g)),
  ];
  const run = `function ${runName(program)}(): u64 {\n  let h: u64 = ${program.seed};\n${mixes.join('\n')}\n  return h;\n}`;
  return [...structs, ...globals, ...funcs, run].join('\n');
}

function field(def: FieldDef): string {
  if (def.kind === 'scalar') return `  ${def.name}: ${def.type};`;
  if (def.kind === 'struct') return `  readonly ${def.name}: Inline<${def.struct}>;`;
  return `  readonly ${def.name}: FixedArray<${def.type}, ${def.length}>;`;
}

function global(def: GlobalDef): string {
  if (def.kind === 'scalar') return `let ${def.name}: ${def.type} = ${expr(def.value)};`;
  if (def.kind === 'struct') return `const ${def.name} = zeroed<${def.struct}>();`;
  return `let ${def.name}: FixedArray<${def.type}, ${def.values.length}> = [${def.values.map(expr).join(', ')}];`;
}

const param = (def: Param): string =>
  def.kind === 'scalar'
    ? `${def.name}: ${def.type}`
    : def.kind === 'struct'
      ? `${def.name}: ${def.struct}`
      : `${def.name}: FixedArray<${def.type}, ${def.length}>`;

const hashOf = (value: string, type: Scalar): string =>
  `  h = mix(h, ${type === 'f64' ? `bits64(${value})` : type === 'f32' ? `bits32(${value})` : `u64(${value})`});`;

function globalHashes(program: RandomProgram, def: GlobalDef): string[] {
  if (def.kind === 'scalar') return [hashOf(def.name, def.type)];
  if (def.kind === 'array') return [`  for (const x of ${def.name}) {`, hashOf('x', def.type), '  }'];
  return structHashes(program, def.name, def.struct);
}

function structHashes(program: RandomProgram, path: string, struct: string): string[] {
  const { fields } = program.structs.find(({ name }) => name === struct)!;
  return fields.flatMap((def) => {
    const full = `${path}.${def.name}`;
    if (def.kind === 'scalar') return [hashOf(full, def.type)];
    if (def.kind === 'array') return [`  for (const x of ${full}) {`, hashOf('x', def.type), '  }'];
    return structHashes(program, full, def.struct);
  });
}

const indent = (depth: number): string => '  '.repeat(depth);
const block = (body: readonly Stmt[], depth: number): string =>
  body.map((statement) => indent(depth) + stmt(statement, depth)).join('\n');
const braces = (body: readonly Stmt[], depth: number): string =>
  `{\n${block(body, depth + 1)}\n${indent(depth)}}`;

function stmt(s: Stmt, depth: number): string {
  switch (s.kind) {
    case 'let':
      return `let ${s.name}: ${s.type} = ${expr(s.value)};`;
    case 'struct':
      return `const ${s.name} = stack<${s.struct}>();`;
    case 'array':
      return `const ${s.name} = stack<FixedArray<${s.type}, ${s.length}>>();`;
    case 'assign':
      return `${place(s.place)} ${s.op ?? ''}= ${expr(s.value)};`;
    case 'call':
      return `${place(s.place)} = ${s.func}(${s.args.map(arg).join(', ')});`;
    case 'if': {
      const no = s.no.length > 0 ? ` else ${braces(s.no, depth)}` : '';
      return `if (${condition(s.condition)}) ${braces(s.yes, depth)}${no}`;
    }
    case 'for':
      return `for (let ${s.name}: u32 = 0; ${s.name} < ${s.count}; ${s.name}++) ${braces(s.body, depth)}`;
    case 'while': {
      const fuel = `let ${s.fuelName}: u32 = ${s.fuel};`;
      const body = `{\n${indent(depth + 1)}${s.fuelName}--;\n${block(s.body, depth + 1)}\n${indent(depth)}}`;
      return `${fuel}\n${indent(depth)}while (${s.fuelName} > 0 && ${condition(s.condition)}) ${body}`;
    }
    case 'forOf':
      return `for (const ${s.name} of ${place(s.array)}) ${braces(s.body, depth)}`;
    case 'switch': {
      const cases = s.cases.map(({ value, falls, body }) => {
        const head = value === undefined ? 'default:' : `case ${value}:`;
        const tail = falls ? '' : `\n${indent(depth + 2)}break;`;
        return `${indent(depth + 1)}${head} {\n${block(body, depth + 2)}${tail}\n${indent(depth + 1)}}`;
      });
      return `switch (${expr(s.value)}) {\n${cases.join('\n')}\n${indent(depth)}}`;
    }
    case 'break':
    case 'continue':
      return `${s.kind};`;
    case 'return':
      return `return ${expr(s.value)};`;
  }
}

const arg = (a: Arg): string => (a.kind === 'reference' ? a.name : expr(a));

function place(p: Place): string {
  if (p.kind === 'var') return p.name;
  if (p.kind === 'field') return `${p.object}.${p.path}`;
  return `${place(p.array)}[${expr(p.index)} & ${p.mask}]`;
}

function expr(e: Expr): string {
  switch (e.kind) {
    case 'const':
    case 'float':
      return `${e.type}(${e.value})`;
    case 'place':
      return place(e.place);
    case 'binary': {
      // A literal beside a typed operand takes its type: both spellings are worth testing.
      const plain =
        e.right.kind === 'const' && e.right.value >= 0n && e.left.kind === 'place' && !isFloatType(e.type);
      return `(${expr(e.left)} ${e.op} ${plain && e.right.kind === 'const' ? e.right.value : rightOf(e.op, e.right)})`;
    }
    case 'unary':
      return `(${e.op}${expr(e.operand)})`;
    case 'cast':
      return `${e.type}(${expr(e.operand)})`;
    case 'choice':
      return `(${condition(e.condition)} ? ${expr(e.yes)} : ${expr(e.no)})`;
    case 'intrinsic':
      return `${e.name}(${e.args.map(expr).join(', ')})`;
  }
}

/** TypeScript takes `a < (b) > (c)` and `a << (b)` for calls with type arguments, so there a cast begins the operand. */
function rightOf(op: string, e: Expr): string {
  const text = expr(e);
  return op[0] === '<' && text[0] === '(' ? `${e.type}(${text})` : text;
}

function condition(c: Condition): string {
  switch (c.kind) {
    case 'compare':
      return `(${expr(c.left)}) ${c.op} ${rightOf(c.op, c.right)}`;
    case 'and':
      return `(${condition(c.left)} && ${condition(c.right)})`;
    case 'or':
      return `(${condition(c.left)} || ${condition(c.right)})`;
    case 'not':
      return `!(${condition(c.operand)})`;
  }
}
