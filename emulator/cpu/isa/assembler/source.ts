/** Splits assembly text into statements: labels, an operation and its operands as text, with line numbers. */
import { UserError } from '../../../errors.ts';

export interface Place {
  readonly file: string;
  readonly line: number;
}

export interface Statement extends Place {
  readonly labels: readonly string[];
  /** Instruction or directive (with its dot), in lower case; '' for a line of labels only. */
  readonly operation: string;
  readonly operands: readonly string[];
}

export function assemblyError(place: Place, message: string): UserError {
  return new UserError(`${place.file}:${place.line}: ${message}`);
}

/** Removes comments (# … , // … and block comments), not inside of strings, keeping line breaks. */
function withoutComments(text: string): string {
  return text.replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\]|\\.)'|\/\*[\s\S]*?\*\/|(?:#|\/\/).*/g, (match) =>
    match[0] === '"' || match[0] === "'" ? match : match.replace(/[^\n]/g, ' '),
  );
}

/** Splits at a separator that is outside of strings and parentheses. */
export function splitOutside(text: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quote = '';
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (quote !== '') {
      if (c === '\\') i++;
      else if (c === quote) quote = '';
    } else if (c === '"' || (c === "'" && text[i + 2] === "'")) {
      quote = c;
    } else if (c === '(') depth++;
    else if (c === ')') depth--;
    else if (c === separator && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

const LABEL = /^\s*([\w.$]+):/;
const ASSIGNMENT = /^\s*([A-Za-z_.$][\w.$]*)\s*=(?!=)([\s\S]*)$/;
const OPERATION = /^\s*([\w.]+)\s*([\s\S]*)$/;

export function parseSource(text: string, file: string): Statement[] {
  const statements: Statement[] = [];
  const lines = withoutComments(text).split('\n');
  for (const [index, line] of lines.entries()) {
    for (const piece of splitOutside(line, ';')) {
      let rest = piece;
      const labels: string[] = [];
      for (let match = LABEL.exec(rest); match; match = LABEL.exec(rest)) {
        labels.push(match[1]!);
        rest = rest.slice(match[0].length);
      }
      const place = { file, line: index + 1 };
      if (rest.trim() === '') {
        if (labels.length > 0) statements.push({ ...place, labels, operation: '', operands: [] });
        continue;
      }
      const assignment = ASSIGNMENT.exec(rest);
      if (assignment) {
        const operands = [assignment[1]!, assignment[2]!.trim()];
        statements.push({ ...place, labels, operation: '.set', operands });
        continue;
      }
      const match = OPERATION.exec(rest);
      if (!match) throw assemblyError(place, `cannot read "${rest.trim()}"`);
      const operands = match[2]!.trim() === '' ? [] : splitOutside(match[2]!, ',').map((o) => o.trim());
      statements.push({ ...place, labels, operation: match[1]!.toLowerCase(), operands });
    }
  }
  return statements;
}
