/**
 * One variable with several definitions, put into SSA form: which value reaches a block, making block parameters where
 * definitions meet. `preds` of the function must be valid and stay so.
 */
import type { Block, Func, Value } from '../ir/ir.ts';
import { Op, type Type } from '../ir/types.ts';
import { newInst } from './edit.ts';

export class SsaRepair {
  /** Value at the end of each block that defines the variable, by block id. */
  readonly defs: (Value | undefined)[] = [];
  private readonly starts: (Value | undefined)[] = [];

  constructor(
    private readonly func: Func,
    private readonly type: Type,
  ) {}

  /** The value at the end of a block. */
  readAtEnd(block: Block): Value {
    return this.defs[block.id] ?? this.readAtStart(block);
  }

  /** The value at the start of a block. */
  readAtStart(start: Block): Value {
    let block = start;
    while (block.preds.length === 1) {
      block = block.preds[0]!;
      const known = this.defs[block.id];
      if (known !== undefined) return known;
    }
    if (block.preds.length === 0) return this.undefined();
    const cached = this.starts[block.id];
    if (cached !== undefined) return cached;
    const param = this.func.newValue(Op.Phi, this.type, []);
    param.block = block;
    const index = block.params.length;
    block.params.push(param);
    this.starts[block.id] = param;
    // Places for the arguments first: reading may come back to this block.
    const preds = [...new Set(block.preds)];
    const setArg = (pred: Block, value: Value): void => {
      for (const edge of pred.succs) if (edge.to === block) edge.args[index] = value;
    };
    for (const pred of preds) setArg(pred, param);
    for (const pred of preds) setArg(pred, this.readAtEnd(pred));
    return param;
  }

  private nothing: Value | undefined;

  /** What a read before any definition gives. */
  private undefined(): Value {
    if (this.nothing === undefined) {
      this.nothing = newInst(this.func, this.func.entry, Op.Undef, this.type, []);
      this.func.entry.insts.unshift(this.nothing);
    }
    return this.nothing;
  }
}
