/**
 * From IR to machine code: runs selection, allocation and emission on each function of a module. A function is compiled when it is first asked
 * for, and once, however many programs contain it.
 */
import type { Func, Module, Sym } from '../ir/ir.ts';
import { allocate } from './allocate.ts';
import { type AssembledCode, assembleText } from './assemble.ts';
import type { FinishedCode } from './code.ts';
import { type CompiledFunc, emitFunction } from './emit.ts';
import { legalise } from './legalise.ts';
import { emitThunk, type ThunkSym } from './preserve.ts';
import { select } from './select.ts';
import { ConstantPool } from './selector.ts';

export interface CodeOptions {
  /** Calls that reach any address; for object files that other linkers place. */
  readonly farCalls: boolean;
}

/** The code of a module whose functions were optimised (or not). The functions are used up. */
export class ModuleCode {
  private readonly pool = new ConstantPool();
  private readonly compiled = new Map<Func, CompiledFunc>();
  private readonly assembled = new Map<Func, AssembledCode>();
  private readonly thunks = new Map<ThunkSym, FinishedCode>();

  constructor(
    readonly module: Module,
    private readonly options: CodeOptions,
  ) {}

  /** A function that is not naked. */
  of(func: Func): CompiledFunc {
    let code = this.compiled.get(func);
    if (code === undefined) {
      legalise(func);
      const mfunc = select(func, this.module, this.pool);
      const allocation = allocate(mfunc);
      code = emitFunction(func, mfunc, allocation, this.options, (text, loc) => this.assemble(text, loc));
      this.compiled.set(func, code);
      // The collector has less to look at.
      func.blocks = [];
    }
    return code;
  }

  /** A naked function. */
  ofNaked(func: Func): AssembledCode {
    let code = this.assembled.get(func);
    if (code === undefined) {
      code = this.assemble(func.nakedBody!, func.loc);
      this.assembled.set(func, code);
    }
    return code;
  }

  ofThunk(thunk: ThunkSym): FinishedCode {
    let code = this.thunks.get(thunk);
    if (code === undefined) {
      code = emitThunk(thunk, this.options);
      this.thunks.set(thunk, code);
    }
    return code;
  }

  private assemble(text: string, loc: number): AssembledCode {
    const { file, line } = this.module.locs[loc]!;
    const place = loc === 0 ? '<assembly>' : `${this.module.files[file]}:${line}`;
    // What a name means is for each program to say.
    return assembleText(text, place, (name): Sym => this.module.external(name, true));
  }
}
