/** The binary operators that the language has, by their tokens. */
import * as ts from 'typescript';
import type { BinaryOp, CompareOp } from './tree.ts';

const { SyntaxKind } = ts;

/** Each operator with its token and the one of its compound assignment. */
const OPERATORS: readonly (readonly [op: BinaryOp, token: ts.SyntaxKind, assignment: ts.SyntaxKind])[] = [
  ['+', SyntaxKind.PlusToken, SyntaxKind.PlusEqualsToken],
  ['-', SyntaxKind.MinusToken, SyntaxKind.MinusEqualsToken],
  ['*', SyntaxKind.AsteriskToken, SyntaxKind.AsteriskEqualsToken],
  ['/', SyntaxKind.SlashToken, SyntaxKind.SlashEqualsToken],
  ['%', SyntaxKind.PercentToken, SyntaxKind.PercentEqualsToken],
  ['&', SyntaxKind.AmpersandToken, SyntaxKind.AmpersandEqualsToken],
  ['|', SyntaxKind.BarToken, SyntaxKind.BarEqualsToken],
  ['^', SyntaxKind.CaretToken, SyntaxKind.CaretEqualsToken],
  ['<<', SyntaxKind.LessThanLessThanToken, SyntaxKind.LessThanLessThanEqualsToken],
  ['>>', SyntaxKind.GreaterThanGreaterThanToken, SyntaxKind.GreaterThanGreaterThanEqualsToken],
  [
    '>>>',
    SyntaxKind.GreaterThanGreaterThanGreaterThanToken,
    SyntaxKind.GreaterThanGreaterThanGreaterThanEqualsToken,
  ],
];

export const ARITHMETIC = new Map(OPERATORS.map(([op, token]) => [token, op]));
export const COMPOUND = new Map(OPERATORS.map(([op, , assignment]) => [assignment, op]));
export const COMPARISONS = new Map<ts.SyntaxKind, CompareOp>([
  [SyntaxKind.EqualsEqualsEqualsToken, '==='],
  [SyntaxKind.ExclamationEqualsEqualsToken, '!=='],
  [SyntaxKind.LessThanToken, '<'],
  [SyntaxKind.LessThanEqualsToken, '<='],
  [SyntaxKind.GreaterThanToken, '>'],
  [SyntaxKind.GreaterThanEqualsToken, '>='],
]);
