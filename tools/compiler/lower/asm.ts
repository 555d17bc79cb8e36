/** Lowers inline assembly. */
import type { AsmExpr } from '../frontend/tree.ts';
import type { Type } from '../frontend/types.ts';
import type { Value } from '../ir/ir.ts';
import type { Type as IrType } from '../ir/types.ts';
import { narrow } from './conversions.ts';
import { value } from './expressions.ts';
import type { FunctionLowering } from './function.ts';
import { registerOf } from './ir-types.ts';
import { lowerPlace, writePlace } from './places.ts';

export function lowerAsm(f: FunctionLowering, expr: AsmExpr): readonly Value[] {
  const { b } = f;
  const places = expr.outputs.map((output) =>
    output.place === undefined ? undefined : lowerPlace(f, output.place),
  );
  const inputs = expr.inputs.map((input) => value(f, input.value));
  f.at(expr.node);
  const call = b.asm(
    {
      template: expr.template,
      outputs: expr.outputs.map(({ constraint }) => ({ constraint })),
      outputTypes: expr.outputs.map(({ type }) => registerOf(type)),
      inputs: expr.inputs.map(({ constraint }) => ({ constraint })),
      clobbers: expr.clobbers,
    },
    inputs,
  );
  const results = expr.outputs.map(({ type }, index) => {
    const part = index === 0 ? call : b.result2(call, registerOf(type));
    return { part, type };
  });
  let result: readonly Value[] = [];
  results.forEach(({ part, type }, index) => {
    // Nobody knows what assembly leaves in the upper bits of a narrow value.
    const clean = narrow(b, part, type);
    const place = places[index];
    if (place === undefined) result = [clean];
    else writePlace(f, place, [clean]);
  });
  return result;
}

/** One instruction of the machine that has no operation in the IR. */
export function machine(
  f: FunctionLowering,
  template: string,
  inputs: readonly Value[],
  result?: Type,
): Value {
  const outputTypes: IrType[] = result === undefined ? [] : [registerOf(result)];
  return f.b.asm(
    {
      template,
      outputs: outputTypes.map(() => ({ constraint: 'r' })),
      outputTypes,
      inputs: inputs.map(() => ({ constraint: 'r' })),
      clobbers: [],
    },
    [...inputs],
  );
}
