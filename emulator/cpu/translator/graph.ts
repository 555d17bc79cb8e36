/** Orders and strongly connected parts of directed graphs with numbered nodes. */

/** Nodes reachable from node 0, each before its successors but for the ends of back edges. */
export function reversePostorder(successors: readonly (readonly number[])[]): number[] {
  const seen = new Uint8Array(successors.length);
  const postorder: number[] = [];
  const stack: { node: number; next: number }[] = [{ node: 0, next: 0 }];
  seen[0] = 1;
  while (stack.length > 0) {
    const top = stack[stack.length - 1]!;
    const list = successors[top.node]!;
    // From the last successor to the first, so that the first one ends up right after its node.
    const at = list.length - 1 - top.next++;
    if (at < 0) {
      postorder.push(top.node);
      stack.pop();
      continue;
    }
    const next = list[at]!;
    if (seen[next]) continue;
    seen[next] = 1;
    stack.push({ node: next, next: 0 });
  }
  return postorder.reverse();
}

/** The strongly connected parts of the subgraph of `nodes` (R. Tarjan 1972, without recursion). */
export function stronglyConnected(
  nodes: readonly number[],
  successors: (node: number) => readonly number[],
): number[][] {
  const index = new Map<number, number>();
  const low = new Map<number, number>();
  const onStack = new Set<number>();
  const stack: number[] = [];
  const parts: number[][] = [];
  for (const root of nodes) {
    if (index.has(root)) continue;
    const work: { node: number; list: readonly number[]; next: number }[] = [];
    const enter = (node: number): void => {
      index.set(node, index.size);
      low.set(node, index.size - 1);
      stack.push(node);
      onStack.add(node);
      work.push({ node, list: successors(node), next: 0 });
    };
    enter(root);
    while (work.length > 0) {
      const top = work[work.length - 1]!;
      if (top.next < top.list.length) {
        const to = top.list[top.next++]!;
        if (!index.has(to)) enter(to);
        else if (onStack.has(to)) low.set(top.node, Math.min(low.get(top.node)!, index.get(to)!));
        continue;
      }
      work.pop();
      const above = work[work.length - 1];
      if (above) low.set(above.node, Math.min(low.get(above.node)!, low.get(top.node)!));
      if (low.get(top.node) !== index.get(top.node)) continue;
      const part: number[] = [];
      for (let node = -1; node !== top.node; ) {
        node = stack.pop()!;
        onStack.delete(node);
        part.push(node);
      }
      parts.push(part);
    }
  }
  return parts;
}
