/** Who calls whom: the order in which functions are optimised, and which of them anything can reach. */
import { External, Func, type Global, type Module, type Sym } from '../ir/ir.ts';
import { calleeOf } from './inline.ts';

function calleesOf(func: Func): Func[] {
  const result = new Set<Func>();
  for (const block of func.blocks) {
    for (const inst of block.insts) {
      const callee = calleeOf(inst);
      if (callee !== undefined) result.add(callee);
    }
  }
  return [...result];
}

/**
 * Functions so that callees stand before their callers; those that call each other stand together, by name. So what stands before a function
 * depends on it and its callees alone. (Tarjan's strongly connected components.)
 */
export function bottomUp(module: Module): Func[] {
  interface Visit {
    readonly func: Func;
    readonly index: number;
    low: number;
    onStack: boolean;
    readonly rest: Func[];
  }
  const visits = new Map<Func, Visit>();
  const open: Visit[] = [];
  const order: Func[] = [];
  const start = (func: Func): Visit => {
    const index = visits.size;
    const visit: Visit = { func, index, low: index, onStack: true, rest: calleesOf(func).reverse() };
    visits.set(func, visit);
    open.push(visit);
    return visit;
  };
  const finish = (visit: Visit): void => {
    if (visit.low !== visit.index) return;
    const component = open.splice(open.indexOf(visit));
    for (const member of component) member.onStack = false;
    const names = component.map(({ func }) => func);
    order.push(...names.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)));
  };
  for (const root of module.funcs) {
    if (visits.has(root)) continue;
    const path = [start(root)];
    while (path.length > 0) {
      const top = path[path.length - 1]!;
      const next = top.rest.pop();
      if (next === undefined) {
        finish(top);
        path.pop();
        const caller = path[path.length - 1];
        if (caller !== undefined) caller.low = Math.min(caller.low, top.low);
        continue;
      }
      const known = visits.get(next);
      if (known === undefined) path.push(start(next));
      else if (known.onStack) top.low = Math.min(top.low, known.index);
    }
  }
  return order;
}

/** Removes local functions and globals that nothing refers to. */
export function dropUnused(module: Module): void {
  const all: readonly (Func | Global)[] = [...module.funcs, ...module.globals];
  const byName = new Map(all.map((sym) => [sym.name, sym]));
  const used = new Set<Sym>();
  const work: (Func | Global)[] = [];
  const use = (named: Sym | undefined): void => {
    const sym = named instanceof External ? byName.get(named.name) : named;
    if (sym === undefined || used.has(sym)) return;
    used.add(sym);
    work.push(sym as Func | Global);
  };
  for (const sym of all) if (sym.linkage !== 'local' || sym.section !== undefined) use(sym);
  let texts = '';
  const follow = (): void => {
    for (let sym = work.pop(); sym !== undefined; sym = work.pop()) {
      if (!(sym instanceof Func)) {
        for (const reloc of sym.relocs) use(reloc.sym);
        continue;
      }
      if (sym.nakedBody !== undefined) texts += `${sym.nakedBody}\n`;
      for (const block of sym.blocks) {
        for (const inst of block.insts) {
          if (inst.sym !== undefined) use(inst.sym);
          if (inst.sym2 !== undefined) use(inst.sym2);
          if (inst.asm !== undefined) texts += `${inst.asm.template}\n`;
        }
      }
    }
  };
  follow();
  // Assembly text names symbols, and what is used for that may name others.
  for (let seen = ''; seen !== texts; ) {
    seen = texts;
    for (const sym of all) if (!used.has(sym) && seen.includes(sym.name)) use(sym);
    follow();
  }
  module.funcs = module.funcs.filter((func) => used.has(func));
  module.globals = module.globals.filter((global) => used.has(global));
}
