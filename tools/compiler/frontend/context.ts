/** What a check needs to know about where it stands: the program, the scope, the function, and what surrounds the code. */
import type * as ts from 'typescript';
import type { RuleCode } from './diagnostics.ts';
import { type FunctionInstance, Scope } from './entities.ts';
import type { Program } from './program.ts';
import type { ErrorExpr, JumpTarget, Logging } from './tree.ts';
import { ERROR } from './types.ts';

export class Context {
  /** Inside `unchecked(…)`: indexing is not checked. */
  unchecked = false;
  /** Enclosing loops, switches and labelled blocks, innermost last. */
  readonly targets: JumpTarget[] = [];
  /** The transaction that logs stores here. */
  logging: Logging | undefined;

  constructor(
    readonly program: Program,
    public scope: Scope,
    /** Undefined in the initialiser of a top-level variable. */
    readonly func: FunctionInstance | undefined,
  ) {}

  report(code: RuleCode, node: ts.Node, ...args: readonly (string | number | bigint)[]): void {
    this.program.diagnostics.report(code, node, ...args);
  }

  /** Reports, and gives the expression that stands for what could not be checked. */
  fail(code: RuleCode, node: ts.Node, ...args: readonly (string | number | bigint)[]): ErrorExpr {
    this.report(code, node, ...args);
    return { kind: 'error', node, type: ERROR };
  }

  /** Runs `body` in a scope of its own; a transaction that it opens ends with it. */
  inScope<T>(body: () => T): T {
    const { scope, logging } = this;
    this.scope = new Scope(scope, scope.module);
    try {
      return body();
    } finally {
      this.scope = scope;
      this.logging = logging;
    }
  }
}
