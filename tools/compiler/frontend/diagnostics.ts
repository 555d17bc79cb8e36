/**
 * The rules of the dialect: each has a code, a message and a hint. Messages are printed in the form of `tsc`, so that
 * editors and problem matchers understand them. `{0}`, `{1}` … are filled in by whoever reports.
 *
 * TW1xxx: constructs that are not part of the language. TW2xxx: names and types. TW3xxx: constants, layout, memory.
 * TW4xxx: persistence and transactions. TW5xxx: attributes, assembly and the machine.
 */
import * as ts from 'typescript';

export interface Rule {
  readonly message: string;
  readonly hint: string;
}

export const RULES = {
  1001: { message: "'var' is not available.", hint: "Use 'let' or 'const'." },
  1002: {
    message: 'Exceptions are not available.',
    hint: "Return an error code, or end the program with 'panic(message)'.",
  },
  1003: {
    message: 'Generators and asynchronous functions are not available.',
    hint: 'Write a loop or a state machine.',
  },
  1004: { message: 'Destructuring and spread are not available.', hint: 'Name the parts one by one.' },
  1005: { message: "'{0}' is not available.", hint: "Use '{1}': operands never convert here." },
  1006: { message: "'{0}' statements are not available.", hint: "Use 'for', 'for … of', 'while' or 'do'." },
  1007: {
    message: 'Type assertions are not available.',
    hint: "Convert numbers with a cast such as 'u32(x)', reinterpret bits with 'changetype<T>(x)'.",
  },
  1008: {
    message: "Operator '{0}' is not available.",
    hint: 'There is no run-time type information and no comma operator.',
  },
  1009: {
    message: 'This kind of literal is not available.',
    hint: 'Integers of 64 bits are written like any other number; text is in quotes.',
  },
  1010: { message: "'?.' is not available.", hint: "Test for null first: 'x !== null ? x.field : …'." },
  1011: {
    message: "This type is not available: '{0}'.",
    hint: "Types are fixed-width numbers, bool, str, enums, classes, FixedArray, Slice, Ptr, functions, and 'T | null' of a reference.",
  },
  1012: {
    message: "'{0}' has no size.",
    hint: 'Use a type of fixed width: u8, u16, u32, u64, i8, i16, i32, i64, usize, isize, f32 or f64.',
  },
  1013: {
    message: "A function cannot use the local variable '{0}' of the function around it.",
    hint: 'There are no closures: pass it as a parameter or through a context object.',
  },
  1014: {
    message: 'An object or array literal can only stand in the initialiser of a top-level variable.',
    hint: "Make the object with 'stack<T>()' or 'new', and set its fields.",
  },
  1015: {
    message: 'This class member is not available: {0}.',
    hint: 'Classes have fields, methods, accessors, static members and a constructor.',
  },
  1016: {
    message: "Decorator '@{0}' is not available.",
    hint: "Classes may be '@persistent' or '@transaction'; other attributes are JSDoc tags.",
  },
  1017: {
    message: "Function '{0}' needs a result type.",
    hint: "Write ': void' when it returns nothing.",
  },
  1018: { message: "'{0}' needs a type.", hint: "Write ': T' after the name." },
  1019: {
    message: "Rest parameters, optional parameters, parameters named 'this' and overloads are not available.",
    hint: 'Use a default value, or a slice.',
  },
  1020: { message: '{0} are not available here.', hint: 'Declare it at the top level of the module.' },
  1021: {
    message: 'The declaration is not complete: {0} is missing.',
    hint: 'Add it, or take the declaration out.',
  },
  2001: { message: "Cannot find name '{0}'.", hint: 'Is an import missing?' },
  2002: {
    message: "'{0}' is not a type.",
    hint: 'Types are classes, enums, aliases and the built-in types.',
  },
  2003: { message: "'{0}' has no member '{1}'.", hint: 'Look at the declaration of the type.' },
  2004: {
    message: "Module '{0}' {1}.",
    hint: "Imports are relative and end in '.ts'; names must be exported there.",
  },
  2005: { message: "'{0}' is not a value.", hint: 'It names a type, a namespace or an intrinsic.' },
  2010: { message: "Type '{0}' is not assignable to type '{1}'.", hint: '{2}' },
  2011: {
    message: "Operator '{0}' has operands of different types, '{1}' and '{2}'.",
    hint: "Cast one of them, for example '{2}(…)'.",
  },
  2012: { message: "Operator '{0}' cannot be applied to type '{1}'.", hint: '{2}' },
  2013: {
    message: "A condition must be a bool, not '{0}'.",
    hint: "Write the comparison: 'x !== 0'.",
  },
  2014: {
    message: "{0} does not fit into type '{1}' ({2} to {3}).",
    hint: "Use a wider type, or a cast to wrap it: '{1}(…)'.",
  },
  2015: {
    message: "The constant {0} is not an integer, but type '{1}' is wanted.",
    hint: "Cast it: '{1}(…)' rounds towards zero.",
  },
  2016: { message: 'Expected {0} arguments, but got {1}.', hint: 'Compare with the declaration.' },
  2017: {
    message: "Type '{0}' cannot be called.",
    hint: 'Only functions, methods and variables of function type can.',
  },
  2018: { message: "Type '{0}' cannot be indexed.", hint: 'FixedArray, Slice, str and Ptr can.' },
  2019: { message: "The type argument '{0}' cannot be inferred.", hint: "Give it: '{1}<…>(…)'." },
  2020: { message: 'Expected {0} type arguments, but got {1}.', hint: 'Compare with the declaration.' },
  2021: {
    message: "The function returns '{0}': a value is missing.",
    hint: "Write 'return value;' on every way out.",
  },
  2022: { message: "'{0}' cannot be assigned to.", hint: '{1}' },
  2023: {
    message: "Values of type '{0}' cannot be compared with '{1}'.",
    hint: "Compare text with 'a.equals(b)', memory with 'memory.compare'.",
  },
  2024: { message: 'A case must be a constant that occurs once.', hint: "Use 'if' for anything else." },
  2025: {
    message: "'{0}' is instantiated with ever deeper types.",
    hint: 'Generic code must reach a fixed set of types.',
  },
  2026: {
    message: 'The shift count {0} is not below the width {1}.',
    hint: 'Counts are taken modulo the width, which is rarely meant here.',
  },
  2027: { message: 'Division by the constant zero.', hint: 'The result would have all bits set.' },
  2028: {
    message: "'{0}' is a method: call it.",
    hint: 'Methods are not values; use a static method or a function.',
  },
  2029: {
    message: "'{0}' is not defined by this program, and its body is missing.",
    hint: "Write 'declare function' for one that another object file defines.",
  },
  2030: { message: "A variable cannot have type '{0}'.", hint: 'Give it a type with a value.' },
  2031: {
    message: "'{0}' is declared twice.",
    hint: 'Give one of them another name; functions have no overloads.',
  },
  2032: {
    message: "There is nothing around this that '{0}' could leave or repeat.",
    hint: "'break' belongs into a loop or switch, 'continue' into a loop; a label must be around it.",
  },
  3001: {
    message: 'This is not a constant.',
    hint: 'Top-level initialisers and constants are computed at compile time; use literals, other constants and casts.',
  },
  3002: { message: 'static_assert failed{0}.', hint: 'The condition is false.' },
  3003: {
    message: "The literal has {0} elements, but '{1}' has {2}.",
    hint: 'Give every element, or fewer in FixedArray<T, N>.',
  },
  3004: { message: "'{0}' contains itself by value.", hint: "Use a reference: 'T | null' without Inline." },
  3005: {
    message: "'zeroed' is static storage and stands only in the initialiser of a top-level variable.",
    hint: "Use 'stack<T>()' in a function.",
  },
  3006: {
    message: "'{0}' needs a class or FixedArray as its type argument.",
    hint: 'Other types are values.',
  },
  3007: {
    message: "'ptrTo' needs a place in memory: a field, an element or a variable.",
    hint: 'Results and constants have no address; declare the variable with let.',
  },
  3008: {
    message: "'changetype' from '{0}' to '{1}' changes the size.",
    hint: 'Cast numbers with u64(x) first.',
  },
  3009: {
    message: "'{0}' accesses numbers, references and pointers, not '{1}'.",
    hint: "Use 'at<T>(address)' and 'assign' for structs.",
  },
  3010: { message: "The initialiser of '{0}' depends on itself.", hint: 'Break the circle.' },
  3011: { message: 'Index {0} is outside of the {1} elements.', hint: 'Indexes count from 0.' },
  3012: {
    message: "'Inline' needs a class, and stands only in fields, elements, parameters and results.",
    hint: 'Variables of class type are references.',
  },
  3013: {
    message: 'The length of a FixedArray must be a constant from 1 to 2^31 − 1.',
    hint: "Write a number, or 'typeof CONSTANT'.",
  },
  3014: { message: 'The argument must be a constant.', hint: 'It becomes part of the instruction.' },
  3015: {
    message: "'{0}' is larger than 2^31 − 1 bytes.",
    hint: 'An object has 2^30 bytes; use memory that is mapped at run time.',
  },
  4001: {
    message: "Persistent class '{0}' cannot hold '{1}' ({2}).",
    hint: 'After a restart the address means nothing. Use a reference to a persistent class, PersistentPtr<T>, or the data itself in place.',
  },
  4002: {
    message: "Class '{0}' has no method '[Symbol.dispose](): void'.",
    hint: "'using' calls it when the scope is left.",
  },
  4003: {
    message: "Transaction class '{0}' needs 'record(address: usize, size: usize): void'.",
    hint: 'The compiler calls it before each store.',
  },
  4004: {
    message: "Persistent class '{0}' extends '{1}', which is not persistent and holds references.",
    hint: "Mark the base '@persistent' as well.",
  },
  5001: {
    message: "Unknown control and status register '{0}'.",
    hint: 'Use a name of the privileged architecture, or a number from 0 to 4095.',
  },
  5002: {
    message: 'Inline assembly: {0}.',
    hint: 'Operands are values, result, out(x), inReg(r, x), outReg(r, x) and clobber(r).',
  },
  5003: {
    message: 'The body of a naked function is one asm statement without operands.',
    hint: 'Arguments are in a0 to a7.',
  },
  5004: {
    message: "Atomic operations need a Ptr to a 32- or 64-bit integer or a reference, not '{0}'.",
    hint: 'Widen the field.',
  },
  5005: {
    message: "'{0}' is not a set of the letters i, o, r, w.",
    hint: "Write for example fence('rw', 'w').",
  },
  5006: {
    message: "The value of '@{0}' is wrong: '{1}'.",
    hint: "'@align' takes a power of two, '@underlying' an integer type, '@section' and '@export' a name, '@trapframe' a register and an offset (tp+16).",
  },
} as const satisfies Record<number, Rule>;

export type RuleCode = keyof typeof RULES;

export interface Diagnostic {
  readonly code: string;
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly hint: string | undefined;
}

const fill = (text: string, args: readonly (string | number | bigint)[]): string =>
  text.replace(/\{(\d)\}/g, (_, index: string) => String(args[Number(index)] ?? ''));

/** Collects what is wrong with a program; one message per place and code. */
/** Invariant: after a syntax error the list has syntax errors only, as tsc's has: others would follow from them. */
export class Diagnostics {
  readonly list: Diagnostic[] = [];
  private readonly seen = new Set<string>();
  private syntaxErrors = false;

  get hasSyntaxErrors(): boolean {
    return this.syntaxErrors;
  }

  /** Takes over what TypeScript's parser found. */
  addSyntaxError(diagnostic: ts.Diagnostic): void {
    if (!this.syntaxErrors) this.list.length = 0;
    this.syntaxErrors = true;
    this.addTypeScript(diagnostic);
  }

  report(code: RuleCode, node: ts.Node, ...args: readonly (string | number | bigint)[]): void {
    if (this.syntaxErrors) return;
    const source = node.getSourceFile();
    const { line, character } = source.getLineAndCharacterOfPosition(node.getStart(source));
    const rule: Rule = RULES[code];
    this.add({
      code: `TW${code}`,
      file: source.fileName,
      line: line + 1,
      column: character + 1,
      message: fill(rule.message, args),
      hint: fill(rule.hint, args),
    });
  }

  /** Takes over what TypeScript's checker found. */
  addTypeScript(diagnostic: ts.Diagnostic): void {
    const at = diagnostic.file?.getLineAndCharacterOfPosition(diagnostic.start ?? 0);
    this.add({
      code: `TS${diagnostic.code}`,
      file: diagnostic.file?.fileName ?? '',
      line: (at?.line ?? 0) + 1,
      column: (at?.character ?? 0) + 1,
      message: ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'),
      hint: undefined,
    });
  }

  private add(diagnostic: Diagnostic): void {
    const key = `${diagnostic.file}:${diagnostic.line}:${diagnostic.column}:${diagnostic.code}`;
    if (this.seen.has(key)) return;
    this.seen.add(key);
    this.list.push(diagnostic);
  }

  /** By file and place. */
  sorted(): Diagnostic[] {
    return [...this.list].sort((a, b) =>
      a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column,
    );
  }
}

/** `file(line,col): error CODE: message`, and the hint on a line of its own. */
export function formatDiagnostic(diagnostic: Diagnostic, relative: (file: string) => string): string {
  const { line, column, code, message, hint } = diagnostic;
  const where = `${relative(diagnostic.file)}(${line},${column})`;
  return `${where}: error ${code}: ${message}${hint ? `\n  Hint: ${hint}` : ''}`;
}
