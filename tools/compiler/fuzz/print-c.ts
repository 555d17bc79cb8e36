/** Prints random programs in C, with the guest language's meaning where C has none of its own. */
import {
  type Arg,
  bitsOf,
  type Condition,
  type Expr,
  type FieldDef,
  type GlobalDef,
  INTS,
  indirectCallees,
  isFloatType,
  type Param,
  type Place,
  type RandomProgram,
  type Scalar,
  type Stmt,
} from './program.ts';

/** Division and conversions as RISC-V defines them, bit operations at every width, and a start-up for the bare machine. */
function prelude(): string {
  const lines = [
    'typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long u64;',
    'typedef signed char i8; typedef short i16; typedef int i32; typedef long i64; typedef float f32; typedef double f64;',
    'static inline u64 mix(u64 h, u64 v) { u64 x = (h ^ v) * 0x9e3779b97f4a7c15ul; return (x << 23) | (x >> 41); }',
    'static inline u64 bits64(f64 x) { union { f64 f; u64 u; } c = { x }; return x != x ? 1 : c.u; }',
    'static inline u64 bits32(f32 x) { union { f32 f; u32 u; } c = { x }; return x != x ? 1 : c.u; }',
    'static inline i32 to_w(f64 x) { return x != x || x >= 2147483647.0 ? 0x7fffffff : x <= -2147483648.0 ? (i32)0x80000000 : (i32)x; }',
    'static inline u32 to_wu(f64 x) { return x != x || x >= 4294967295.0 ? 0xffffffffu : x <= 0 ? 0 : (u32)x; }',
    'static inline i64 to_l(f64 x) { return x != x || x >= 9223372036854775808.0 ? 0x7fffffffffffffffl : x <= -9223372036854775808.0 ? (i64)0x8000000000000000ul : (i64)x; }',
    'static inline u64 to_lu(f64 x) { return x != x || x >= 18446744073709551616.0 ? 0xfffffffffffffffful : x <= 0 ? 0 : (u64)x; }',
    'void *memset(void *p, int c, u64 n) { u8 *q = p; while (n--) *q++ = c; return p; }',
    'void *memcpy(void *p, const void *s, u64 n) { u8 *q = p; const u8 *r = s; while (n--) *q++ = *r++; return p; }',
    '__attribute__((naked, section(".text.start"))) void _start(void) { __asm__("la sp, stack + 65536; li t0, 0x6000; csrs mstatus, t0; call main; li t0, 0x100000; li t1, 0x5555; sw t1, 0(t0); 1: j 1b"); }',
    'char stack[65536] __attribute__((aligned(16)));',
  ];
  for (const t of INTS) {
    const bits = bitsOf(t);
    const u = `u${bits}`;
    const signed = t[0] === 'i';
    const min = `((${t})(1ul << ${bits - 1}))`;
    lines.push(
      `static inline ${t} div_${t}(${t} a, ${t} b) { return b == 0 ? (${t})-1 : ${signed ? `a == ${min} && b == -1 ? a : ` : ''}(${t})(a / b); }`,
      `static inline ${t} rem_${t}(${t} a, ${t} b) { return b == 0 ? a : ${signed ? `b == -1 ? 0 : ` : ''}(${t})(a % b); }`,
      `static inline ${t} clz_${t}(${t} a) { u64 x = (${u})a; return x ? __builtin_clzl(x) - ${64 - bits} : ${bits}; }`,
      `static inline ${t} ctz_${t}(${t} a) { u64 x = (${u})a; return x ? __builtin_ctzl(x) : ${bits}; }`,
      `static inline ${t} popcnt_${t}(${t} a) { u64 x = (${u})a; i32 n = 0; while (x) { x &= x - 1; n++; } return (${t})n; }`,
      `static inline ${t} bswap_${t}(${t} a) { u64 x = (${u})a, r = 0; for (i32 i = 0; i < ${bits / 8}; i++) { r = (r << 8) | (x & 255); x >>= 8; } return (${t})r; }`,
      `static inline ${t} rotl_${t}(${t} a, u64 n) { ${u} x = (${u})a; n &= ${bits - 1}; return (${t})((${u})((u64)x << n) | (x >> ((${bits} - n) & ${bits - 1}))); }`,
      `static inline ${t} rotr_${t}(${t} a, u64 n) { return rotl_${t}(a, ${bits} - (n & ${bits - 1})); }`,
      `static inline ${t} min_${t}(${t} a, ${t} b) { return a < b ? a : b; }`,
      `static inline ${t} max_${t}(${t} a, ${t} b) { return a > b ? a : b; }`,
      `static inline ${t} abs_${t}(${t} a) { return ${signed ? `a < 0 ? (${t})(0 - (u64)a) : a` : 'a'}; }`,
    );
  }
  return lines.join('\n');
}

export function printC(programs: readonly RandomProgram[]): string {
  const runs = programs.map((program, index) => `  results[${index}] = p${program.seed}_run();`);
  return [
    prelude(),
    `u64 results[${programs.length}];`,
    ...programs.map(printProgram),
    `int main(void) {\n${runs.join('\n')}\n  return 0;\n}`,
    '',
  ].join('\n');
}

function printProgram(program: RandomProgram): string {
  const structs = program.structs.map(
    ({ name, fields }) => `typedef struct {\n${fields.map(field).join('\n')}\n} ${name};`,
  );
  const indirect = indirectCallees(program);
  const funcs = program.funcs.map((func) => {
    const params = func.params.map(param).join(', ') || 'void';
    const copies = func.params.flatMap((def) =>
      def.kind === 'struct' && def.byValue
        ? [`  ${def.struct} *const ${def.name} = &${def.name}_object;\n`]
        : [],
    );
    const head = `static ${func.result} ${func.name}(${params})`;
    const pointer = indirect.has(func.name)
      ? `${head};\nstatic ${func.result} (*${func.name}_pointer)(${params}) = ${func.name};\n`
      : '';
    return `${pointer}${head} {\n${copies.join('')}${block(func.body, 1)}\n}`;
  });
  const main = program.funcs[program.funcs.length - 1]!;
  const mixes = [
    hashOf(`${main.name}()`, main.result),
    ...program.globals.flatMap((g) => globalHashes(program, g)),
  ];
  const run = `static u64 p${program.seed}_run(void) {\n  u64 h = ${program.seed};\n${mixes.join('\n')}\n  return h;\n}`;
  return [...structs, ...program.globals.map(global), ...funcs, run].join('\n');
}

function field(def: FieldDef): string {
  if (def.kind === 'struct') return `  ${def.struct} ${def.name};`;
  return `  ${def.type} ${def.name}${def.kind === 'array' ? `[${def.length}]` : ''};`;
}

function global(def: GlobalDef): string {
  if (def.kind === 'scalar') return `static ${def.type} ${def.name} = ${expr(def.value)};`;
  if (def.kind === 'struct')
    return `static ${def.struct} ${def.name}_object, *const ${def.name} = &${def.name}_object;`;
  return `static ${def.type} ${def.name}[${def.values.length}] = { ${def.values.map(expr).join(', ')} };`;
}

const param = (def: Param): string =>
  def.kind === 'scalar'
    ? `${def.type} ${def.name}`
    : def.kind === 'struct' && def.byValue
      ? `${def.struct} ${def.name}_object`
      : `${def.kind === 'struct' ? def.struct : def.type} *${def.name}`;

const hashOf = (value: string, type: Scalar): string =>
  `  h = mix(h, ${type === 'f64' ? `bits64(${value})` : type === 'f32' ? `bits32(${value})` : `(u64)${value}`});`;

const arrayHash = (path: string, type: Scalar, length: number): string =>
  `  for (i32 i = 0; i < ${length}; i++) ${hashOf(`${path}[i]`, type).trim()}`;

function globalHashes(program: RandomProgram, def: GlobalDef): string[] {
  if (def.kind === 'scalar') return [hashOf(def.name, def.type)];
  if (def.kind === 'array') return [arrayHash(def.name, def.type, def.values.length)];
  return structHashes(program, `${def.name}->`, def.struct);
}

function structHashes(program: RandomProgram, prefix: string, struct: string): string[] {
  const { fields } = program.structs.find(({ name }) => name === struct)!;
  return fields.flatMap((def) => {
    const full = prefix + def.name;
    if (def.kind === 'scalar') return [hashOf(full, def.type)];
    if (def.kind === 'array') return [arrayHash(full, def.type, def.length)];
    return structHashes(program, `${full}.`, def.struct);
  });
}

const indent = (depth: number): string => '  '.repeat(depth);
const block = (body: readonly Stmt[], depth: number): string =>
  body.map((statement) => indent(depth) + stmt(statement, depth)).join('\n');
const braces = (body: readonly Stmt[], depth: number): string =>
  `{\n${block(body, depth + 1)}\n${indent(depth)}}`;

function stmt(s: Stmt, depth: number): string {
  /** The end of a loop's body: what a jump to its label reaches. */
  const ends = (label: string | undefined): string =>
    label === undefined
      ? `\n${indent(depth)}}`
      : `\n${indent(depth)}${label}_continue:;\n${indent(depth)}}\n${indent(depth)}${label}_break:;`;
  switch (s.kind) {
    case 'let':
      return `${s.type} ${s.name} = ${expr(s.value)};`;
    case 'struct':
      return `${s.struct} ${s.name}_object = {0}, *const ${s.name} = &${s.name}_object;`;
    case 'array':
      return `${s.type} ${s.name}[${s.length}] = {0};`;
    case 'assign': {
      if (s.op === undefined) return `${place(s.place)} = ${expr(s.value)};`;
      // The place is evaluated once: elements may not have side effects, so spelling it twice is the same.
      return `${place(s.place)} = ${binary(s.op, s.type, place(s.place), expr(s.value))};`;
    }
    case 'copy':
      return `*${s.to} = *${s.from};`;
    case 'call':
      return `${place(s.place)} = ${s.func}${s.indirect ? '_pointer' : ''}(${s.args.map(arg).join(', ')});`;
    case 'if': {
      const no = s.no.length > 0 ? ` else ${braces(s.no, depth)}` : '';
      return `if (${condition(s.condition)}) ${braces(s.yes, depth)}${no}`;
    }
    case 'for':
      return `for (u32 ${s.name} = 0; ${s.name} < ${s.count}; ${s.name}++) {\n${block(s.body, depth + 1)}${ends(s.label)}`;
    case 'while': {
      const body = `{\n${indent(depth + 1)}${s.fuelName}--;\n${block(s.body, depth + 1)}${ends(s.label)}`;
      return `u32 ${s.fuelName} = ${s.fuel};\n${indent(depth)}while (${s.fuelName} > 0 && ${condition(s.condition)}) ${body}`;
    }
    case 'forOf': {
      const i = `${s.name}_i`;
      const body = `{\n${indent(depth + 1)}${s.type} ${s.name} = ${place(s.array)}[${i}];\n${block(s.body, depth + 1)}${ends(s.label)}`;
      return `for (i32 ${i} = 0; ${i} < ${s.length}; ${i}++) ${body}`;
    }
    case 'switch': {
      const cases = s.cases.map(({ value, falls, body }) => {
        const head = value === undefined ? 'default:' : `case ${literal(value)}:`;
        return `${indent(depth + 1)}${head} ${braces(body, depth + 1)}${falls ? '' : ' break;'}`;
      });
      return `switch (${expr(s.value)}) {\n${cases.join('\n')}\n${indent(depth + 1)};\n${indent(depth)}}`;
    }
    case 'break':
    case 'continue':
      return s.label === undefined ? `${s.kind};` : `goto ${s.label}_${s.kind};`;
    case 'return':
      return `return ${expr(s.value)};`;
  }
}

const literal = (value: bigint): string =>
  value < 0n ? `(i64)0x${BigInt.asUintN(64, value).toString(16)}ul` : `0x${value.toString(16)}ul`;

const arg = (a: Arg): string =>
  a.kind === 'reference' ? a.name : a.kind === 'byValue' ? `*${a.name}` : expr(a);

function place(p: Place): string {
  if (p.kind === 'var') return p.name;
  if (p.kind === 'field') return `${p.object}->${p.path}`;
  return `${place(p.array)}[${expr(p.index)} & ${p.mask}]`;
}

function binary(op: string, type: Scalar, left: string, right: string): string {
  if (isFloatType(type)) return `(${type})(${left} ${op} ${right})`;
  const bits = bitsOf(type);
  switch (op) {
    case '/':
      return `div_${type}(${left}, ${right})`;
    case '%':
      return `rem_${type}(${left}, ${right})`;
    case '<<':
      return `(${type})((u64)${left} << (${right} & ${bits - 1}))`;
    case '>>':
      return `(${type})(${left} >> (${right} & ${bits - 1}))`;
    case '>>>':
      return `(${type})((u${bits})${left} >> (${right} & ${bits - 1}))`;
    default:
      return `(${type})((u64)${left} ${op} (u64)${right})`;
  }
}

function expr(e: Expr): string {
  switch (e.kind) {
    case 'const':
      return `((${e.type})0x${BigInt.asUintN(64, e.value).toString(16)}ul)`;
    case 'float': {
      const digits = Number.isInteger(e.value) ? `${e.value}.0` : String(e.value);
      return `((${e.type})${digits})`;
    }
    case 'place':
      return place(e.place);
    case 'binary':
      return `(${binary(e.op, e.type, expr(e.left), expr(e.right))})`;
    case 'unary': {
      const x = expr(e.operand);
      if (isFloatType(e.type)) return `(-${x})`;
      return e.op === '-' ? `((${e.type})(0 - (u64)${x}))` : `((${e.type})~${x})`;
    }
    case 'cast':
      return castTo(e.type, e.operand);
    case 'choice':
      return `(${condition(e.condition)} ? ${expr(e.yes)} : ${expr(e.no)})`;
    case 'intrinsic':
      return `${e.name}_${e.type}(${e.args.map(expr).join(', ')})`;
  }
}

function castTo(type: Scalar, operand: Expr): string {
  const x = expr(operand);
  if (!isFloatType(operand.type) || isFloatType(type)) return `((${type})${x})`;
  const suffix = bitsOf(type) === 64 ? 'l' : 'w';
  return `((${type})to_${suffix}${type[0] === 'u' ? 'u' : ''}(${x}))`;
}

function condition(c: Condition): string {
  switch (c.kind) {
    case 'compare':
      return `${expr(c.left)} ${c.op.length === 3 ? c.op.slice(0, 2) : c.op} ${expr(c.right)}`;
    case 'and':
      return `(${condition(c.left)} && ${condition(c.right)})`;
    case 'or':
      return `(${condition(c.left)} || ${condition(c.right)})`;
    case 'not':
      return `!(${condition(c.operand)})`;
  }
}
