/**
 * Lowers the body of one function: variables, statements, and the ways out of scopes. Expressions are in
 * expressions.ts, places in places.ts, intrinsics in intrinsics.ts; all of them work on a `FunctionLowering`.
 *
 * Invariant: after a statement that never ends, the builder has no current block, and what follows is skipped.
 */

import type * as ts from 'typescript';
import type { FunctionInstance } from '../frontend/entities.ts';
import type {
  Expr,
  IfStmt,
  JumpTarget,
  LocalVariable,
  Stmt,
  SwitchStmt,
  UsingStmt,
} from '../frontend/tree.ts';
import { isSpan, sizeOf, type valueType } from '../frontend/types.ts';
import { FunctionBuilder, type Var } from '../ir/builder.ts';
import type { Block, Func, Slot, Value } from '../ir/ir.ts';
import { Type as IrType, Op } from '../ir/types.ts';
import { callSymbol, receiveParameters, returnedValues } from './calls.ts';
import { branch, effect, spanOf, value, values } from './expressions.ts';
import { registersOf } from './ir-types.ts';
import type { ModuleLowering } from './module.ts';
import { type Place, readPlace, writePlace } from './places.ts';

/** Where a variable lives: in SSA variables, or in the frame. */
type Home = { readonly vars: readonly Var[] } | { readonly slot: Slot };

/** A scope that must be cleaned up when it is left. */
interface Cleanup {
  readonly variable: LocalVariable;
  readonly dispose: FunctionInstance;
}

interface Jump {
  readonly target: JumpTarget;
  readonly onBreak: Block;
  readonly onContinue: Block | undefined;
  /** Cleanups that are outside of the target. */
  readonly cleanups: number;
}

export function lowerFunction(module: ModuleLowering, instance: FunctionInstance, func: Func): void {
  if (instance.naked !== undefined) {
    func.nakedBody = instance.naked;
    return;
  }
  new FunctionLowering(module, instance, func).run();
}

export class FunctionLowering {
  readonly b: FunctionBuilder;
  private readonly homes = new Map<LocalVariable, Home>();
  private readonly jumps: Jump[] = [];
  private readonly cleanups: Cleanup[] = [];

  constructor(
    readonly module: ModuleLowering,
    readonly instance: FunctionInstance,
    func: Func,
  ) {
    this.b = new FunctionBuilder(module.module, func, { optimise: module.options.optimise });
  }

  run(): void {
    const { b, instance } = this;
    this.at(instance.template.declaration);
    const params = [...(instance.thisVariable ? [instance.thisVariable] : []), ...instance.params];
    const incoming = receiveParameters(this);
    params.forEach((param, index) => {
      this.declare(param, incoming[index]!);
    });
    this.statements(instance.body ?? []);
    if (b.reachable) {
      if (instance.result.kind === 'void') b.ret();
      else b.unreachable();
    }
    b.finish();
  }

  /** Instructions that follow belong to this place in the source. */
  at(node: ts.Node): void {
    this.b.loc = this.module.loc(node);
  }

  // Variables.

  /** Makes a variable and gives it its first value. */
  declare(variable: LocalVariable, initial: readonly Value[]): void {
    const { b } = this;
    const { debugTypes } = this.module;
    const { name, type, isParam } = variable;
    const loc = this.module.loc(variable.node);
    const debug = { name, type: debugTypes.ofVariable(type), isParam, loc };
    const inMemory = variable.addressTaken || (isSpan(type) && !this.module.options.optimise);
    if (inMemory) {
      const known = this.homes.get(variable);
      const size = Math.max(1, isSpan(type) ? 16 : sizeOf(valueWord(type)));
      const slot =
        known !== undefined && 'slot' in known ? known.slot : b.newSlotVar(size, Math.min(size, 8), debug);
      this.homes.set(variable, { slot });
    } else if (!this.homes.has(variable)) {
      const parts = isSpan(type) ? ['.ptr', '.length'] : [''];
      const vars = parts.map((part) =>
        b.newVar(
          registersOf(type)[parts.indexOf(part)]!,
          part === '' ? debug : { ...debug, name: name + part, type: { kind: 'pointer', to: undefined } },
        ),
      );
      this.homes.set(variable, { vars });
    }
    writePlace(this, this.placeOf(variable), initial);
  }

  placeOf(variable: LocalVariable): Place {
    const home = this.homes.get(variable);
    if (home === undefined)
      throw new Error(`${this.instance.symbolName}: variable '${variable.name}' has no home`);
    if ('vars' in home) return { kind: 'vars', vars: home.vars };
    return {
      kind: 'memory',
      address: this.b.slotAddr(home.slot),
      offset: 0,
      storage: valueWord(variable.type),
      persistent: false,
      isVolatile: false,
    };
  }

  readVariable(variable: LocalVariable): readonly Value[] {
    return readPlace(this, this.placeOf(variable));
  }

  // Statements.

  statements(list: readonly Stmt[]): void {
    for (const statement of list) {
      if (!this.b.reachable) return;
      this.statement(statement);
    }
  }

  private statement(statement: Stmt): void {
    const { b } = this;
    this.at(statement.node);
    switch (statement.kind) {
      case 'block':
        this.block(statement.body, statement.target);
        return;
      case 'variable': {
        const { variable, initialiser } = statement;
        const initial = initialiser
          ? values(this, initialiser)
          : registersOf(variable.type).map((type) =>
              type === IrType.F32 || type === IrType.F64 ? b.constFloat(type, 0) : b.constInt(type, 0),
            );
        if (b.reachable) this.declare(variable, initial);
        return;
      }
      case 'expression':
        effect(this, statement.expr);
        return;
      case 'if':
        this.ifStatement(statement);
        return;
      case 'loop':
        this.loop(statement.target, statement.testFirst, statement.condition, statement.step, statement.body);
        return;
      case 'forOf':
        this.forOf(statement);
        return;
      case 'switch':
        this.switch(statement);
        return;
      case 'break':
      case 'continue': {
        const jump = this.jumps.find((candidate) => candidate.target === statement.target)!;
        this.leaveTo(jump.cleanups);
        if (b.reachable) b.br(statement.kind === 'break' ? jump.onBreak : jump.onContinue!);
        return;
      }
      case 'return': {
        const result = statement.value === undefined ? [] : values(this, statement.value);
        if (!b.reachable) return;
        // A struct is taken before the scopes are left.
        const returned = returnedValues(this, result);
        this.leaveTo(0);
        if (b.reachable) b.ret([...returned]);
        return;
      }
      case 'using':
        this.using(statement);
    }
  }

  private ifStatement({ condition, whenTrue, whenFalse }: IfStmt): void {
    const { b } = this;
    if (condition.kind === 'const') {
      if (condition.value !== 0n) this.statement(whenTrue);
      else if (whenFalse !== undefined) this.statement(whenFalse);
      return;
    }
    const then = b.newBlock();
    const end = b.newBlock();
    const otherwise = whenFalse === undefined ? end : b.newBlock();
    branch(this, condition, then, otherwise);
    b.start(then);
    this.statement(whenTrue);
    if (b.reachable) b.br(end);
    if (whenFalse !== undefined) {
      b.start(otherwise);
      this.statement(whenFalse);
      if (b.reachable) b.br(end);
    }
    this.startIfReached(end);
  }

  /** Continues in `block` if anything leads there. */
  private startIfReached(block: Block): void {
    if (block.preds.length > 0) this.b.start(block);
  }

  private block(body: readonly Stmt[], target: JumpTarget | undefined): void {
    if (target === undefined) {
      this.statements(body);
      return;
    }
    const end = this.b.newBlock();
    this.within({ target, onBreak: end, onContinue: undefined, cleanups: this.cleanups.length }, () =>
      this.statements(body),
    );
    if (this.b.reachable) this.b.br(end);
    this.startIfReached(end);
  }

  private within(jump: Jump, body: () => void): void {
    this.jumps.push(jump);
    body();
    this.jumps.pop();
  }

  /** Loops are entered through a test of their own and repeat at the bottom, which saves a jump each time around. */
  private loop(
    target: JumpTarget,
    testFirst: boolean,
    condition: Expr | undefined,
    step: Expr | undefined,
    body: Stmt,
  ): void {
    const { b } = this;
    const endless = condition === undefined || (condition.kind === 'const' && condition.value !== 0n);
    const top = b.newBlock();
    const next = b.newBlock();
    const end = b.newBlock();
    if (testFirst && !endless) branch(this, condition, top, end);
    else b.br(top);
    b.setBlock(top);
    this.within({ target, onBreak: end, onContinue: next, cleanups: this.cleanups.length }, () =>
      this.statement(body),
    );
    if (b.reachable) b.br(next);
    if (next.preds.length > 0) {
      b.start(next);
      if (step !== undefined) {
        this.at(step.node);
        effect(this, step);
      }
      if (b.reachable) {
        if (endless) b.br(top);
        else {
          this.at(condition.node);
          branch(this, condition, top, end);
        }
      }
    }
    b.seal(top);
    this.startIfReached(end);
  }

  private forOf(statement: Stmt & { kind: 'forOf' }): void {
    const { b } = this;
    const { variable, sequence, storage, persistent, target, body } = statement;
    const [pointer, length] = spanOf(this, sequence);
    const size = sizeOf(storage);
    const cursor = b.newVar(IrType.I64);
    b.writeVar(cursor, pointer);
    const limit = b.newVar(IrType.I64);
    b.writeVar(limit, b.add(pointer, b.binary(Op.Mul, length, b.i64(size))));
    const top = b.newBlock();
    const next = b.newBlock();
    const end = b.newBlock();
    const test = (): void => b.condBr(b.binary(Op.Ne, b.readVar(cursor), b.readVar(limit)), top, end, 1);
    test();
    b.setBlock(top);
    const place: Place = {
      kind: 'memory',
      address: b.readVar(cursor),
      offset: 0,
      storage,
      persistent,
      isVolatile: false,
    };
    this.declare(variable, readPlace(this, place));
    this.within({ target, onBreak: end, onContinue: next, cleanups: this.cleanups.length }, () =>
      this.statement(body),
    );
    if (b.reachable) b.br(next);
    if (next.preds.length > 0) {
      b.start(next);
      this.at(statement.node);
      b.writeVar(cursor, b.addImm(b.readVar(cursor), size));
      test();
    }
    b.seal(top);
    this.startIfReached(end);
  }

  private switch(statement: SwitchStmt): void {
    const { b } = this;
    const { clauses, target } = statement;
    const tested = value(this, statement.value);
    if (!b.reachable) return;
    const end = b.newBlock();
    const blocks = clauses.map(() => b.newBlock());
    const fallback = clauses.findIndex((clause) => clause.value === undefined);
    const cases = clauses.flatMap((clause, index): [bigint, Block][] =>
      clause.value === undefined ? [] : [[clause.value, blocks[index]!]],
    );
    b.switch(tested, cases, fallback < 0 ? end : blocks[fallback]!);
    this.within({ target, onBreak: end, onContinue: undefined, cleanups: this.cleanups.length }, () => {
      clauses.forEach((clause, index) => {
        // The clause before may fall through.
        if (b.reachable) b.br(blocks[index]!);
        b.start(blocks[index]!);
        this.statements(clause.body);
      });
    });
    if (b.reachable) b.br(end);
    this.startIfReached(end);
  }

  // Scopes with a resource.

  private using(statement: UsingStmt): void {
    const { variable, initialiser, dispose, body } = statement;
    const initial = values(this, initialiser);
    if (!this.b.reachable) return;
    this.declare(variable, initial);
    this.cleanups.push({ variable, dispose });
    this.statements(body);
    const cleanup = this.cleanups.pop()!;
    if (this.b.reachable) this.clean(cleanup);
  }

  private clean({ variable, dispose }: Cleanup): void {
    callSymbol(this, this.module.symbolOf(dispose), dispose.result, this.readVariable(variable));
  }

  /** Runs the cleanups of all scopes inside of the outermost `depth`, innermost first. */
  private leaveTo(depth: number): void {
    for (let index = this.cleanups.length - 1; index >= depth && this.b.reachable; index--) {
      this.clean(this.cleanups[index]!);
    }
  }

  /** An SSA variable without a name, for values that are made on several ways. */
  temporary(types: readonly IrType[]): Var[] {
    return types.map((type) => this.b.newVar(type));
  }
}

/** The storage of a variable of this type that lives in the frame: references are words. */
const valueWord = (type: Parameters<typeof valueType>[0]): Parameters<typeof valueType>[0] =>
  type.kind === 'array' ? ADDRESS : type;
const ADDRESS = { kind: 'int', name: 'u64', bits: 64, signed: false } as const;
