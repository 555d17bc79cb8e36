/** Which code of a function came in by which inlined call, from the positions of its instructions (DWARF 5, section 3.3.8). */
import type { InlinedCall } from '../ir/debug.ts';
import type { CompiledFunc } from '../riscv/emit.ts';
import type { SourcePlaces } from './source-places.ts';

/** A call that was inlined, with those in the callee's body. */
export interface InlinedNode extends InlinedCall {
  /** Offsets in the function's code, ascending; `end` is one past the last byte. */
  readonly ranges: { readonly start: number; end: number }[];
  readonly calls: InlinedNode[];
}

/** The outermost calls that were inlined into a function. */
export function inlinedCalls(places: SourcePlaces, { lines, bytes }: CompiledFunc): InlinedNode[] {
  const outermost: InlinedNode[] = [];
  /** By call; at one position of the source several functions may be called. */
  const nodes = new Map<number, InlinedNode[]>();
  const nodeOf = ({ callee, at }: InlinedCall): InlinedNode => {
    const there = nodes.get(at);
    const known = there?.find((node) => node.callee === callee);
    if (known) return known;
    const node: InlinedNode = { callee, at, ranges: [], calls: [] };
    if (there) there.push(node);
    else nodes.set(at, [node]);
    const outer = places.callAt(at);
    (outer ? nodeOf(outer).calls : outermost).push(node);
    return node;
  };
  const rows = [...lines].sort((a, b) => a.offset - b.offset);
  rows.forEach(({ offset, what }, i) => {
    const end = rows[i + 1]?.offset ?? bytes.length;
    // Of several positions at one address the last one counts.
    if (end === offset) return;
    for (let call = places.callAt(what); call; call = places.callAt(call.at)) {
      const { ranges } = nodeOf(call);
      const last = ranges[ranges.length - 1];
      if (last?.end === offset) last.end = end;
      else ranges.push({ start: offset, end });
    }
  });
  return outermost;
}
