/**
 * Hostile sources: guest TypeScript with a few of its tokens deleted, doubled, swapped or replaced. Whatever comes out, the compiler must
 * accept it or say what is wrong with it; `tryToCompile` finds out whether it does.
 */
import * as ts from 'typescript';
import { UserError } from '../../../emulator/errors.ts';
import type { Random } from '../../../emulator/random.ts';
import { compile } from '../compile.ts';
import { checkEverything } from '../frontend/check.ts';
import { type ParseCache, Program, type SourceHost } from '../frontend/program.ts';

/** Tokens that are put in the place of others: what means much to the compiler. */
const FOREIGN = [
  ...[
    'this',
    'super',
    'null',
    'true',
    'new',
    'return',
    'break',
    'continue',
    'class',
    'enum',
    'namespace',
    'static',
    'const',
    'let',
    'using',
  ],
  ...[
    'declare',
    'export',
    'import',
    'extends',
    'get',
    'set',
    'readonly',
    'typeof',
    'void',
    'never',
    'bool',
    'str',
    'u8',
    'i64',
    'f32',
    'usize',
  ],
  ...[
    'Inline',
    'FixedArray',
    'Slice',
    'Ptr',
    'PersistentPtr',
    'sizeof',
    'offsetof',
    'stack',
    'zeroed',
    'at',
    'load',
    'store',
    'changetype',
  ],
  ...[
    'unchecked',
    'addressOf',
    'asm',
    'atomic',
    'memory',
    'panic',
    'assert',
    'static_assert',
    '@persistent',
    '@transaction',
    '/** @naked */',
  ],
  ...[
    '0',
    '1',
    '-1',
    '0xffff_ffff_ffff_ffff',
    '1e400',
    '1.5',
    "''",
    "'x'",
    `\`\${1}\``,
    '(',
    ')',
    '{',
    '}',
    '[',
    ']',
    '<',
    '>',
    ',',
    ';',
    ':',
    '?',
    '.',
    '...',
  ],
  ...[
    '=',
    '=>',
    '+',
    '-',
    '*',
    '/',
    '%',
    '&&',
    '||',
    '??',
    '!',
    '~',
    '++',
    '--',
    '+=',
    '>>>=',
    '**',
    '===',
    '|',
    '[Symbol.dispose]',
    '#x',
    'x',
    '\u{1f600}',
  ],
];

/** The tokens of a source with what stands between them. */
function tokensOf(source: string): string[] {
  const scanner = ts.createScanner(ts.ScriptTarget.ES2022, false, ts.LanguageVariant.Standard, source);
  const tokens: string[] = [];
  while (scanner.scan() !== ts.SyntaxKind.EndOfFileToken) tokens.push(scanner.getTokenText());
  return tokens;
}

/** The source with a few of its tokens changed. */
export function mutate(source: string, random: Random): string {
  const tokens = tokensOf(source);
  const words = tokens.map((token, index) => (/\S/.test(token) ? index : -1)).filter((index) => index >= 0);
  if (words.length === 0) return source;
  const place = (): number => words[random.below(words.length)]!;
  for (let count = 1 + random.below(3); count > 0; count--) {
    const at = place();
    switch (random.below(5)) {
      case 0:
        tokens[at] = '';
        break;
      case 1:
        tokens[at] += ` ${tokens[at]}`;
        break;
      case 2: {
        const other = place();
        [tokens[at], tokens[other]] = [tokens[other]!, tokens[at]!];
        break;
      }
      case 3:
        tokens[at] = tokens[place()]!;
        break;
      default:
        tokens[at] = FOREIGN[random.below(FOREIGN.length)]!;
    }
  }
  return tokens.join('');
}

export interface Attempt {
  /** Whether the compiler had nothing to say. */
  readonly accepted: boolean;
  /** The messages, as `line,column: code`. */
  readonly said: readonly string[];
}

/**
 * Checks a source, and compiles it if nothing is wrong with it.
 * @throws what is a defect of the compiler: anything but a diagnostic or a `UserError`, and a diagnostic without a place
 */
export function tryToCompile(path: string, source: string, others: SourceHost, cache: ParseCache): Attempt {
  const host: SourceHost = { read: (name) => (name === path ? source : others.read(name)) };
  const root = path.slice(0, path.indexOf('/', 1));
  const program = new Program({ host, root, optimise: true, cache });
  const module = program.load(path)!;
  checkEverything(program);
  const lines = source.split('\n');
  const said = program.diagnostics.sorted().map(({ file, line, column, code, message }) => {
    const isPlace =
      line >= 1 && column >= 1 && (file !== path || column <= (lines[line - 1]?.length ?? -1) + 1);
    if (!isPlace || message.includes('undefined') || /(?<!\$)\{\d\}/.test(message)) {
      throw new Error(`a diagnostic is not in order: ${file}(${line},${column}): TW${code} ${message}`);
    }
    return `${line},${column}: ${code}`;
  });
  if (said.length > 0) return { accepted: false, said };
  const roots = [...module.scope.names.keys()];
  for (const optimise of [false, true]) {
    try {
      const result = compile(path, { target: 'bare', relocatable: true, optimise, host, root, cache, roots });
      if (!result.ok)
        return { accepted: false, said: result.diagnostics.map((d) => `${d.line},${d.column}: ${d.code}`) };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
    }
  }
  return { accepted: true, said };
}
