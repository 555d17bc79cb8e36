/**
 * Makes a program that shows a difference smaller: drops statements, unwraps bodies, replaces expressions by parts of theirs or
 * by constants, and keeps whatever still fails, until nothing more can be taken away.
 */
import type { Expr, FuncDef, RandomProgram, Scalar, Stmt } from './program.ts';
import { innerBodies, isFloatType, statementsOf } from './program.ts';

/** The smallest program found for which `fails` still holds; `fails` must be true of `program`. */
export function reduce(
  program: RandomProgram,
  fails: (candidate: RandomProgram) => boolean,
  /** How many candidates to try at most. */
  attempts = 1000,
): RandomProgram {
  let best = program;
  let left = attempts;
  for (let progress = true; progress && left > 0; ) {
    progress = false;
    for (const candidate of candidates(best)) {
      if (left-- <= 0) break;
      if (!fails(candidate)) continue;
      best = candidate;
      progress = true;
      break;
    }
  }
  return best;
}

/** Programs one step smaller, the largest steps first. */
function* candidates(program: RandomProgram): Generator<RandomProgram> {
  const last = program.funcs.length - 1;
  for (let i = 0; i < last; i++) {
    const { name } = program.funcs[i]!;
    const isUsed = program.funcs.some((func) => func.name !== name && callsOf(func.body).includes(name));
    if (!isUsed) yield { ...program, funcs: program.funcs.filter((_, index) => index !== i) };
  }
  for (let i = 0; i < program.globals.length; i++) {
    yield { ...program, globals: program.globals.filter((_, index) => index !== i) };
  }
  for (let i = last; i >= 0; i--) {
    const func = program.funcs[i]!;
    for (const body of smallerBodies(func.body)) {
      const funcs: FuncDef[] = program.funcs.map((other, index) => (index === i ? { ...func, body } : other));
      yield { ...program, funcs };
    }
  }
}

const callsOf = (body: readonly Stmt[]): string[] =>
  statementsOf(body).flatMap((s) => (s.kind === 'call' ? [s.func] : []));

function* smallerBodies(body: readonly Stmt[]): Generator<Stmt[]> {
  for (let half = body.length >> 1; half > 1; half >>= 1) {
    for (let at = 0; at + half <= body.length; at += half)
      yield [...body.slice(0, at), ...body.slice(at + half)];
  }
  for (let i = 0; i < body.length; i++) {
    const before = body.slice(0, i);
    const after = body.slice(i + 1);
    const s = body[i]!;
    if (s.kind !== 'return' || i < body.length - 1) yield [...before, ...after];
    for (const inner of innerBodies(s)) yield [...before, ...inner, ...after];
    for (const smaller of smallerStatements(s)) yield [...before, smaller, ...after];
  }
}

function* smallerStatements(s: Stmt): Generator<Stmt> {
  switch (s.kind) {
    case 'if':
      for (const yes of smallerBodies(s.yes)) yield { ...s, yes };
      for (const no of smallerBodies(s.no)) yield { ...s, no };
      for (const part of s.condition.kind === 'compare' ? [] : conditionParts(s.condition))
        yield { ...s, condition: part };
      return;
    case 'for':
    case 'while':
    case 'forOf':
      for (const body of smallerBodies(s.body)) yield { ...s, body } as Stmt;
      return;
    case 'switch':
      for (let i = 0; i < s.cases.length; i++) {
        yield { ...s, cases: s.cases.filter((_, index) => index !== i) };
        for (const body of smallerBodies(s.cases[i]!.body)) {
          yield { ...s, cases: s.cases.map((clause, index) => (index === i ? { ...clause, body } : clause)) };
        }
      }
      return;
    case 'let':
    case 'return':
    case 'assign':
      for (const value of smallerExprs(s.value)) yield { ...s, value };
      return;
    default:
      return;
  }
}

const conditionParts = (c: Extract<Stmt, { kind: 'if' }>['condition']): (typeof c)[] =>
  c.kind === 'compare' ? [] : c.kind === 'not' ? [c.operand] : [c.left, c.right];

const one = (type: Scalar): Expr =>
  isFloatType(type) ? { kind: 'float', type, value: 1 } : { kind: 'const', type, value: 1n };

function* smallerExprs(e: Expr): Generator<Expr> {
  if (e.kind === 'const' || e.kind === 'float') return;
  yield one(e.type);
  switch (e.kind) {
    case 'binary':
      if (e.left.type === e.type) yield e.left;
      if (e.right.type === e.type) yield e.right;
      for (const left of smallerExprs(e.left)) yield { ...e, left };
      // A smaller right operand could become a constant that the checker refuses.
      if (e.op !== '/' && e.op !== '%') for (const right of smallerExprs(e.right)) yield { ...e, right };
      return;
    case 'unary':
    case 'cast':
      if (e.operand.type === e.type) yield e.operand;
      for (const operand of smallerExprs(e.operand)) yield { ...e, operand };
      return;
    case 'choice':
      yield e.yes;
      yield e.no;
      for (const yes of smallerExprs(e.yes)) yield { ...e, yes };
      for (const no of smallerExprs(e.no)) yield { ...e, no };
      return;
    case 'intrinsic':
      for (let i = 0; i < e.args.length; i++) {
        for (const smaller of smallerExprs(e.args[i]!)) {
          yield { ...e, args: e.args.map((arg, index) => (index === i ? smaller : arg)) };
        }
      }
      return;
    default:
      return;
  }
}
