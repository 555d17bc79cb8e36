/**
 * A checking session: checks the same files again and again, and keeps between checks what did not change (parsed files,
 * TypeScript's own results for files that are not affected). Both checkers run: TypeScript's, for what it knows best
 * (null, definite assignment, exhaustiveness), and ours.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import * as ts from 'typescript';
import { UserError } from '../../../emulator/errors.ts';
import { checkEverything } from './check.ts';
import { type Diagnostic, Diagnostics } from './diagnostics.ts';
import { ambientFile, guestFolder, LIBRARY_PREFIX } from './library.ts';
import { type ParseCache, Program } from './program.ts';

/** The options of guest/tsconfig.json, for files of projects that have none. */
const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  noLib: true,
  types: [],
  strict: true,
  strictPropertyInitialization: false,
  noImplicitReturns: true,
  noImplicitOverride: true,
  allowImportingTsExtensions: true,
  noEmit: true,
};

/** The folder that symbol names are relative to: the nearest one with a tsconfig.json, else the file's own. */
export function projectRoot(file: string): string {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, 'tsconfig.json'))) return folder;
  }
  return dirname(file);
}

export const diskHost = {
  read: (path: string): string | undefined => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return undefined;
    }
  },
};

export class CheckSession {
  private readonly parsed: ParseCache = new Map();
  private readonly sources = new Map<string, { text: string; version: number; source: ts.SourceFile }>();
  private builder: ts.SemanticDiagnosticsBuilderProgram | undefined;

  constructor(private readonly files: readonly string[]) {}

  /** What is wrong with the files as they are on disk now, by file and place. */
  check(): Diagnostic[] {
    const [first] = this.files;
    if (first === undefined) return [];
    const program = new Program({
      host: diskHost,
      root: projectRoot(resolve(first)),
      optimise: true,
      cache: this.parsed,
    });
    for (const file of this.files) {
      const path = resolve(file);
      if (program.load(path) === undefined) throw new UserError(`${file}: no such file`);
    }
    checkEverything(program);
    if (program.diagnostics.hasSyntaxErrors) return program.diagnostics.sorted();
    const diagnostics = new Diagnostics();
    for (const diagnostic of this.checkWithTypeScript()) diagnostics.addTypeScript(diagnostic);
    // Where both complain about a line, ours has the hint (and the reason, where widths are concerned).
    const ours = new Set(program.diagnostics.list.map((d) => `${d.file}:${d.line}`));
    const theirs = diagnostics.list.filter((d) => !ours.has(`${d.file}:${d.line}`));
    diagnostics.list.length = 0;
    diagnostics.list.push(...program.diagnostics.list, ...theirs);
    return diagnostics.sorted();
  }

  private checkWithTypeScript(): ts.Diagnostic[] {
    const options = { ...OPTIONS, paths: { [`${LIBRARY_PREFIX}*`]: [join(guestFolder(), '*')] } };
    const host = ts.createCompilerHost(options);
    host.getSourceFile = (path) => this.source(path);
    const roots = [ambientFile(), ...this.files.map((file) => resolve(file))];
    this.builder = ts.createSemanticDiagnosticsBuilderProgram(roots, options, host, this.builder);
    const found: ts.Diagnostic[] = [...this.builder.getGlobalDiagnostics()];
    for (const source of this.builder.getSourceFiles())
      found.push(...this.builder.getSemanticDiagnostics(source));
    return found;
  }

  /** A file as TypeScript's program wants it: the same object as long as the text is the same. */
  private source(path: string): ts.SourceFile | undefined {
    const text = diskHost.read(path);
    if (text === undefined) return undefined;
    const known = this.sources.get(path);
    if (known?.text === text) return known.source;
    const version = (known?.version ?? 0) + 1;
    const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, false);
    (source as ts.SourceFile & { version: string }).version = String(version);
    this.sources.set(path, { text, version, source });
    return source;
  }
}
