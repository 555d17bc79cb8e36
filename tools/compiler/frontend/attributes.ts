/**
 * Attributes of declarations, written as JSDoc tags (decorators on functions are not legal TypeScript). Tags that
 * are not listed here belong to documentation and are left alone.
 */
import * as ts from 'typescript';
import { parseTrapFrame, type TrapFrame } from '../ir/trap-frame.ts';
import type { Diagnostics } from './diagnostics.ts';
import { type IntType, NAMED_TYPES } from './types.ts';

export interface Attributes {
  /** Global symbol name, or undefined for a local symbol. */
  exportName: string | undefined;
  used: boolean;
  inline: 'auto' | 'always' | 'never';
  naked: boolean;
  cold: boolean;
  section: string | undefined;
  /** Bytes; 0 when not given. */
  align: number;
  /** Of a naked function that handles traps. */
  trapFrame: TrapFrame | undefined;
  isVolatile: boolean;
  underlying: IntType | undefined;
}

export const NO_ATTRIBUTES: Readonly<Attributes> = {
  exportName: undefined,
  used: false,
  inline: 'auto',
  naked: false,
  cold: false,
  section: undefined,
  align: 0,
  trapFrame: undefined,
  isVolatile: false,
  underlying: undefined,
};

/** Reads the tags before `node`; `name` is what `@export` without an argument means. */
export function readAttributes(node: ts.Node, name: string, diagnostics: Diagnostics): Attributes {
  const attributes: Attributes = { ...NO_ATTRIBUTES };
  /** A tag of a comment that TypeScript has not kept is reported where the declaration is. */
  const placeOf = (tag: ts.JSDocTag): ts.Node => (tag.getSourceFile() === node.getSourceFile() ? tag : node);
  for (const tag of tagsOf(node)) {
    const text = (ts.getTextOfJSDocComment(tag.comment) ?? '').trim();
    const word = text.split(/\s/)[0]!;
    switch (tag.tagName.text) {
      case 'export':
        if (word === '' || (word === text && /^[A-Za-z_.$][\w.$]*$/.test(word))) {
          attributes.exportName = word || name;
        } else diagnostics.report(5006, placeOf(tag), 'export', text);
        break;
      case 'used':
        attributes.used = true;
        break;
      case 'inline':
        attributes.inline = 'always';
        break;
      case 'noinline':
        attributes.inline = 'never';
        break;
      case 'naked':
        attributes.naked = true;
        break;
      case 'cold':
        attributes.cold = true;
        break;
      case 'volatile':
        attributes.isVolatile = true;
        break;
      case 'section':
        if (/^[.\w$]+$/.test(word)) attributes.section = word;
        else diagnostics.report(5006, placeOf(tag), 'section', text);
        break;
      case 'align': {
        const align = Number(word);
        if (Number.isInteger(align) && align > 0 && align <= 1 << 21 && (align & (align - 1)) === 0) {
          attributes.align = align;
        } else diagnostics.report(5006, placeOf(tag), 'align', text);
        break;
      }
      case 'trapframe': {
        attributes.trapFrame = parseTrapFrame(word);
        if (attributes.trapFrame === undefined) diagnostics.report(5006, placeOf(tag), 'trapframe', text);
        break;
      }
      case 'underlying': {
        const type = NAMED_TYPES.get(word);
        if (type?.kind === 'int') attributes.underlying = type;
        else diagnostics.report(5006, placeOf(tag), 'underlying', text);
        break;
      }
    }
  }
  return attributes;
}

/**
 * The tags before a declaration. TypeScript takes a comment that follows something else on its line for that thing's, and
 * shows it nowhere; here it belongs to what follows it on the same line.
 */
function tagsOf(node: ts.Node): readonly ts.JSDocTag[] {
  const tags = ts.getJSDocTags(node);
  if (tags.length > 0) return tags;
  const owner = ts.isVariableDeclaration(node) ? node.parent.parent : node;
  const before = owner.getSourceFile().text.slice(owner.pos, owner.getStart());
  const comment = /\/\*\*(?:(?!\*\/)[\s\S])*\*\/[^\n]*$/.exec(before)?.[0];
  if (comment === undefined) return tags;
  const parsed = ts.createSourceFile('comment.ts', `${comment} let it;`, ts.ScriptTarget.Latest, true);
  return ts.getJSDocTags(parsed.statements[0]!);
}

export const hasModifier = (node: ts.Node, kind: ts.SyntaxKind): boolean =>
  (ts.canHaveModifiers(node) && ts.getModifiers(node)?.some((modifier) => modifier.kind === kind)) || false;

/** Does the class carry `@name` as a decorator? Reports decorators that do not exist. */
export function hasDecorator(node: ts.ClassDeclaration, name: string, diagnostics: Diagnostics): boolean {
  let found = false;
  for (const decorator of ts.getDecorators(node) ?? []) {
    const text = decorator.expression.getText();
    if (text === name) found = true;
    else if (text !== 'persistent' && text !== 'transaction') diagnostics.report(1016, decorator, text);
  }
  return found;
}
