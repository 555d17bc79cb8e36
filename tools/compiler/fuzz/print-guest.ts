/** Prints random programs in guest TypeScript. */
import {
  type Arg,
  type Condition,
  type Expr,
  type FieldDef,
  type FuncDef,
  type GlobalDef,
  indirectCallees,
  isFloatType,
  type Param,
  type Place,
  type RandomProgram,
  type Scalar,
  type Stmt,
  statementsOf,
  typeArgument,
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
  const enums = program.funcs.flatMap(({ body }) => statementsOf(body)).flatMap(enumOf);
  const indirect = indirectCallees(program);
  const funcs = program.funcs.map((func) => {
    const pointer = indirect.has(func.name) ? `\n${pointerOf(func)}` : '';
    return `function ${head(func)}: ${func.result} {\n${block(func.body, 1, genericOf(program))}\n}${pointer}`;
  });
  const main = program.funcs[program.funcs.length - 1]!;
  const mixes = [
    hashOf(`${main.name}()`, main.result),
    ...program.globals.flatMap((g) => globalHashes(program, g)),
  ];
  const run = `function ${runName(program)}(): u64 {\n  let h: u64 = ${program.seed};\n${mixes.join('\n')}\n  return h;\n}`;
  return [...structs, ...enums, ...globals, ...funcs, run].join('\n');
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

function paramType(def: Param): string {
  if (def.kind === 'scalar') return def.type;
  if (def.kind === 'struct') return def.byValue ? `Inline<${def.struct}>` : def.struct;
  return def.slice ? `Slice<${def.type}>` : `FixedArray<${def.type}, ${def.length}>`;
}

/** Name and parameters. */
function head(func: FuncDef): string {
  const generic =
    typeArgument(func) === undefined ? undefined : func.params.find(({ kind }) => kind === 'scalar');
  const params = func.params.map((def) => `${def.name}: ${def === generic ? 'T' : paramType(def)}`);
  return `${func.name}${generic === undefined ? '' : '<T>'}(${params.join(', ')})`;
}

/** A variable that holds the function. */
function pointerOf(func: FuncDef): string {
  const params = func.params.map((def) => `${def.name}: ${paramType(def)}`);
  return `let ${func.name}_pointer: (${params.join(', ')}) => ${func.result} = ${func.name};`;
}

function enumOf(s: Stmt): string[] {
  if (s.kind !== 'switch' || s.enumName === undefined) return [];
  const members = s.cases.flatMap(({ value }) =>
    value === undefined ? [] : [`${memberName(value)} = ${value}`],
  );
  return [`/** @underlying ${s.value.type} */\nenum ${s.enumName} { ${members.join(', ')} }`];
}

const memberName = (value: bigint): string => (value < 0n ? `M_${-value}` : `M${value}`);

/** The type argument of each generic function, by name. */
type Generics = ReadonlyMap<string, Scalar>;

const genericOf = (program: RandomProgram): Generics =>
  new Map(
    program.funcs.flatMap((func) => {
      const type = typeArgument(func);
      return type === undefined ? [] : [[func.name, type] as const];
    }),
  );

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
const block = (body: readonly Stmt[], depth: number, generics: Generics): string =>
  body.map((statement) => indent(depth) + stmt(statement, depth, generics)).join('\n');
const labelled = (label: string | undefined): string => (label === undefined ? '' : `${label}: `);

function stmt(s: Stmt, depth: number, generics: Generics): string {
  const braces = (body: readonly Stmt[], outer: number): string =>
    `{\n${block(body, outer + 1, generics)}\n${indent(outer)}}`;
  switch (s.kind) {
    case 'let':
      return `let ${s.name}: ${s.type} = ${expr(s.value)};`;
    case 'struct':
      return `const ${s.name} = stack<${s.struct}>();`;
    case 'array':
      return `const ${s.name} = stack<FixedArray<${s.type}, ${s.length}>>();`;
    case 'assign':
      if (s.value.kind === 'const' && s.value.value === 1n && (s.op === '+' || s.op === '-')) {
        return `${place(s.place)}${s.op}${s.op};`;
      }
      return `${place(s.place)} ${s.op ?? ''}= ${expr(s.value)};`;
    case 'call': {
      const type = generics.get(s.func);
      const callee = s.indirect ? `${s.func}_pointer` : `${s.func}${type === undefined ? '' : `<${type}>`}`;
      return `${place(s.place)} = ${callee}(${s.args.map(arg).join(', ')});`;
    }
    case 'copy':
      return `assign(${s.to}, ${s.from});`;
    case 'if': {
      const no = s.no.length > 0 ? ` else ${braces(s.no, depth)}` : '';
      return `if (${condition(s.condition)}) ${braces(s.yes, depth)}${no}`;
    }
    case 'for':
      return `${labelled(s.label)}for (let ${s.name}: u32 = 0; ${s.name} < ${s.count}; ${s.name}++) ${braces(s.body, depth)}`;
    case 'while': {
      const fuel = `let ${s.fuelName}: u32 = ${s.fuel};`;
      const body = `{\n${indent(depth + 1)}${s.fuelName}--;\n${block(s.body, depth + 1, generics)}\n${indent(depth)}}`;
      return `${fuel}\n${indent(depth)}${labelled(s.label)}while (${s.fuelName} > 0 && ${condition(s.condition)}) ${body}`;
    }
    case 'forOf':
      return `${labelled(s.label)}for (const ${s.name} of ${place(s.array)}) ${braces(s.body, depth)}`;
    case 'switch': {
      const cases = s.cases.map(({ value, falls, body }) => {
        const shown = s.enumName === undefined ? value : `${s.enumName}.${memberName(value ?? 0n)}`;
        const start = value === undefined ? 'default:' : `case ${shown}:`;
        const tail = falls ? '' : `\n${indent(depth + 2)}break;`;
        return `${indent(depth + 1)}${start} {\n${block(body, depth + 2, generics)}${tail}\n${indent(depth + 1)}}`;
      });
      const tested = s.enumName === undefined ? expr(s.value) : `changetype<${s.enumName}>(${expr(s.value)})`;
      return `switch (${tested}) {\n${cases.join('\n')}\n${indent(depth)}}`;
    }
    case 'break':
    case 'continue':
      return `${s.kind}${s.label === undefined ? '' : ` ${s.label}`};`;
    case 'return':
      return `return ${expr(s.value)};`;
  }
}

const arg = (a: Arg): string => (a.kind === 'reference' || a.kind === 'byValue' ? a.name : expr(a));

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
