/**
 * How often a source file mentions a name. A function that only its file can call, and which the file mentions once besides its declaration,
 * has one caller whatever program it becomes part of; so what is decided by that is the same in all programs.
 */
import * as ts from 'typescript';
import { hasModifier } from './attributes.ts';
import type { FunctionTemplate } from './entities.ts';

/** Comments, texts, and names (with `new` before them). */
const TOKENS = /\/\/.*|\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|(new\s+)?([A-Za-z_$][\w$]*)/g;

/** Names, and `new NAME` apart; counted once for a file that stays the same. What a text of assembly names counts, too. */
const counted = new WeakMap<ts.SourceFile, ReadonlyMap<string, number>>();

function mentionsIn(source: ts.SourceFile): ReadonlyMap<string, number> {
  const known = counted.get(source);
  if (known !== undefined) return known;
  const counts = new Map<string, number>();
  const add = (name: string): void => {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  };
  TOKENS.lastIndex = 0;
  for (let match = TOKENS.exec(source.text); match !== null; match = TOKENS.exec(source.text)) {
    const name = match[2];
    if (name === undefined) continue;
    add(name);
    if (match[1] !== undefined) add(`new ${name}`);
  }
  counted.set(source, counts);
  return counts;
}

/** Whether one place at most calls the function, in any program: it is its file's own, and mentioned there once. */
export function hasOneMention({ declaration, name }: FunctionTemplate): boolean {
  const { parent } = declaration;
  const counts = mentionsIn(declaration.getSourceFile());
  const { ExportKeyword, PrivateKeyword } = ts.SyntaxKind;
  if (ts.isClassDeclaration(parent)) {
    if (hasModifier(parent, ExportKeyword) && !hasModifier(declaration, PrivateKeyword)) return false;
    if (ts.isConstructorDeclaration(declaration))
      return parent.name !== undefined && counts.get(`new ${parent.name.text}`) === 1;
    // Its declaration is a mention, too.
    return counts.get(name) === 2;
  }
  if (ts.isFunctionDeclaration(declaration))
    return !hasModifier(declaration, ExportKeyword) && counts.get(name) === 2;
  return false;
}
