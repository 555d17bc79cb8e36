/**
 * A program under compilation: its modules, what they declare, and the work that is still to be checked. Loading a
 * module parses it (through a cache that a watching caller keeps) and binds its top-level names; everything
 * else happens on demand.
 *
 * Invariant: `functions` and `globals` hold what the program reaches, in the order of reaching it, which
 * depends on sources only; so output is deterministic.
 */
import { posix } from 'node:path';
import * as ts from 'typescript';
import { hasDecorator, hasModifier, readAttributes } from './attributes.ts';
import { Diagnostics } from './diagnostics.ts';
import {
  ClassTemplate,
  type Entity,
  type FunctionInstance,
  FunctionTemplate,
  GlobalVariable,
  Module,
  type NamespaceEntity,
  Scope,
} from './entities.ts';
import { guestFolder, LIBRARY_PREFIX } from './library.ts';

/** Where sources come from. */
export interface SourceHost {
  /** Undefined when there is no such file. */
  read(path: string): string | undefined;
}

/** Parsed files by path; valid as long as the text is the same. */
export type ParseCache = Map<string, { readonly text: string; readonly source: ts.SourceFile }>;

export interface ProgramOptions {
  readonly host: SourceHost;
  /** Folder that symbol names are relative to. */
  readonly root: string;
  readonly optimise: boolean;
  readonly cache?: ParseCache;
}

export class Program {
  readonly diagnostics = new Diagnostics();
  readonly modules = new Map<string, Module>();
  readonly functions: FunctionInstance[] = [];
  /** How many of `functions` have been checked. */
  checkedFunctions = 0;
  /** Reached variables that have storage. */
  readonly globals: GlobalVariable[] = [];
  private readonly anonymous = new Map<string, number>();

  constructor(readonly options: ProgramOptions) {}

  /**
   * Numbers the functions and objects without names that belong to `owner`, which must be checked as a whole, so that the numbers are the same in
   * all programs.
   */
  nextAnonymous(owner: string): number {
    const number = (this.anonymous.get(owner) ?? 0) + 1;
    this.anonymous.set(owner, number);
    return number;
  }

  /** Loads a module and what it imports; undefined (and a message at `node`) when there is no such file. */
  load(path: string, node?: ts.Node): Module | undefined {
    const known = this.modules.get(path);
    if (known !== undefined) return known;
    const text = this.options.host.read(path);
    if (text === undefined) {
      if (node !== undefined) this.diagnostics.report(2004, node, path, 'does not exist');
      return undefined;
    }
    const source = this.parse(path, text);
    const module = new Module(path, source, this.symbolPrefix(path));
    this.modules.set(path, module);
    // What the parser made up for what is missing means nothing.
    if (!this.reportSyntax(source))
      bindStatements(this, module.scope, source.statements, module.symbolPrefix, module);
    return module;
  }

  private parse(path: string, text: string): ts.SourceFile {
    const cached = this.options.cache?.get(path);
    const source =
      cached?.text === text
        ? cached.source
        : ts.createSourceFile(
            path,
            text,
            { languageVersion: ts.ScriptTarget.ES2022 },
            true,
            ts.ScriptKind.TS,
          );
    this.options.cache?.set(path, { text, source });
    return source;
  }

  /** Reports the parser's errors; whether there are any. */
  private reportSyntax(source: ts.SourceFile): boolean {
    // They are not in the public type, but this is the documented way to keep them on the file.
    const { parseDiagnostics = [] } = source as ts.SourceFile & {
      parseDiagnostics?: readonly ts.Diagnostic[];
    };
    for (const diagnostic of parseDiagnostics) this.diagnostics.addSyntaxError(diagnostic);
    return parseDiagnostics.length > 0;
  }

  /** `/x/guest/libtwz/alloc.ts` under root `/x/guest` gives `libtwz.alloc`, as it does for programs that use the guest as a library. */
  private symbolPrefix(path: string): string {
    const isLibrary = path.startsWith(`${guestFolder()}/`) && !path.startsWith(`${this.options.root}/`);
    const relative = posix.relative(isLibrary ? guestFolder() : this.options.root, path);
    return relative
      .replace(/\.ts$/, '')
      .split('/')
      .filter((part) => part !== '..')
      .join('.');
  }

  /** The module that an import or export declaration names. */
  importedModule(from: Module, specifier: ts.Expression): Module | undefined {
    const text = ts.isStringLiteral(specifier) ? specifier.text : '';
    let path: string;
    if (text.startsWith('.')) path = posix.join(posix.dirname(from.path), text);
    else if (text.startsWith(LIBRARY_PREFIX))
      path = posix.join(guestFolder(), text.slice(LIBRARY_PREFIX.length));
    else {
      const what = `is neither a relative path nor one that begins with '${LIBRARY_PREFIX}'`;
      this.diagnostics.report(2004, specifier, text || specifier.getText(), what);
      return undefined;
    }
    const module = this.load(path.endsWith('.ts') ? path : `${path}.ts`, specifier);
    if (module !== undefined) from.imports.push(module);
    return module;
  }

  /** A module and all that it imports, in the order of loading them when it is loaded first. */
  importedBy(entry: Module): Module[] {
    const found = new Set<Module>();
    const visit = (module: Module): void => {
      if (found.has(module)) return;
      found.add(module);
      module.imports.forEach(visit);
    };
    visit(entry);
    return [...found];
  }

  /** What a module exports under a name, through its re-exports. */
  findExport(module: Module, name: string, visited = new Set<Module>()): Entity | undefined {
    if (visited.has(module)) return undefined;
    visited.add(module);
    const own = module.exports.get(name);
    if (own !== undefined) return own;
    for (const star of module.starExports) {
      const found = this.findExport(star, name, visited);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Follows imports to what was declared. */
  resolveImport(entity: Entity | undefined): Entity | undefined {
    const visited = new Set<Entity>();
    let current = entity;
    while (current?.kind === 'import' && current.name !== undefined && !visited.has(current)) {
      visited.add(current);
      const found = this.findExport(current.module, current.name);
      if (found === undefined) {
        this.diagnostics.report(2004, current.node, current.module.path, `does not export '${current.name}'`);
        return undefined;
      }
      current = found;
    }
    return current;
  }
}

/** Symbol of the top-level declaration that `node` is part of, as far as it has a name. */
export function declarationSymbol(module: Module, node: ts.Node): string {
  const names: string[] = [];
  for (let at = node; !ts.isSourceFile(at); at = at.parent) {
    const { name } = at as ts.Node & { readonly name?: ts.Node };
    if (ts.isStatement(at) || ts.isClassElement(at) || ts.isVariableDeclaration(at))
      if (name !== undefined && ts.isIdentifier(name)) names.unshift(name.text);
  }
  return [module.symbolPrefix, ...names].join('.');
}

/** Declares what the statements of a module or namespace declare. */
function bindStatements(
  program: Program,
  scope: Scope,
  statements: readonly ts.Statement[],
  prefix: string,
  target: Module | NamespaceEntity,
): void {
  const late: ts.ExportDeclaration[] = [];
  for (const statement of statements) {
    if (ts.isImportDeclaration(statement)) bindImport(program, scope, statement);
    else if (ts.isExportDeclaration(statement)) late.push(statement);
    else {
      refuseDefault(program, statement);
      for (const [name, entity] of declare(program, scope, statement, prefix)) {
        if (!scope.declare(name, entity)) program.diagnostics.report(2031, statement, name);
        if (isExported(statement)) addExport(target, name, entity);
      }
    }
  }
  if (target instanceof Module) for (const statement of late) bindExport(program, target, statement);
}

function addExport(target: Module | NamespaceEntity, name: string, entity: Entity): void {
  if (target instanceof Module) target.exports.set(name, entity);
  else target.exported?.add(name);
}

/** The parts of a declaration that no module has. */
function refuseDefault(program: Program, statement: ts.Statement): void {
  if (hasModifier(statement, ts.SyntaxKind.DefaultKeyword)) {
    program.diagnostics.report(1020, statement, 'Default exports');
  }
}

const isExported = (statement: ts.Statement): boolean => hasModifier(statement, ts.SyntaxKind.ExportKeyword);

function bindImport(program: Program, scope: Scope, statement: ts.ImportDeclaration): void {
  const module = program.importedModule(scope.module, statement.moduleSpecifier);
  const clause = statement.importClause;
  if (module === undefined || clause === undefined) return;
  if (clause.name !== undefined) {
    program.diagnostics.report(2004, clause.name, module.path, 'has no default export: nothing has');
  }
  const bindings = clause.namedBindings;
  if (bindings === undefined) return;
  if (ts.isNamespaceImport(bindings)) {
    scope.names.set(bindings.name.text, { kind: 'import', module, name: undefined, node: bindings });
    return;
  }
  for (const element of bindings.elements) {
    const name = (element.propertyName ?? element.name).text;
    const local = element.name.text;
    if (!scope.declare(local, { kind: 'import', module, name, node: element })) {
      program.diagnostics.report(2031, element, local);
    }
  }
}

function bindExport(program: Program, module: Module, statement: ts.ExportDeclaration): void {
  const { moduleSpecifier, exportClause } = statement;
  const from = moduleSpecifier === undefined ? undefined : program.importedModule(module, moduleSpecifier);
  if (moduleSpecifier !== undefined && from === undefined) return;
  if (exportClause === undefined) {
    if (from !== undefined) module.starExports.push(from);
    return;
  }
  if (ts.isNamespaceExport(exportClause)) {
    if (from === undefined) return;
    module.exports.set(exportClause.name.text, {
      kind: 'import',
      module: from,
      name: undefined,
      node: exportClause,
    });
    return;
  }
  for (const element of exportClause.elements) {
    const name = (element.propertyName ?? element.name).text;
    const entity: Entity | undefined =
      from !== undefined
        ? { kind: 'import', module: from, name, node: element }
        : module.scope.names.get(name);
    if (entity === undefined) program.diagnostics.report(2001, element, name);
    else module.exports.set(element.name.text, entity);
  }
}

/** The entities of a declaration statement, by name; none for other statements. */
export function declare(
  program: Program,
  scope: Scope,
  statement: ts.Statement,
  prefix: string,
): [string, Entity][] {
  const { diagnostics } = program;
  if (ts.isFunctionDeclaration(statement) && statement.name !== undefined) {
    const name = statement.name.text;
    const attributes = readAttributes(statement, name, diagnostics);
    return [[name, new FunctionTemplate(name, statement, scope, prefix, attributes, undefined)]];
  }
  if (ts.isClassDeclaration(statement) && statement.name !== undefined) {
    const name = statement.name.text;
    const attributes = readAttributes(statement, name, diagnostics);
    const isPersistent = hasDecorator(statement, 'persistent', diagnostics);
    const isTransaction = hasDecorator(statement, 'transaction', diagnostics);
    const template = new ClassTemplate(
      name,
      prefix,
      statement,
      scope,
      isPersistent,
      isTransaction,
      attributes,
    );
    return [[name, template]];
  }
  if (ts.isEnumDeclaration(statement)) {
    const name = statement.name.text;
    return [[name, { kind: 'enum', name, declaration: statement, scope, type: undefined, resolving: false }]];
  }
  if (ts.isTypeAliasDeclaration(statement)) {
    const name = statement.name.text;
    return [[name, { kind: 'alias', name, declaration: statement, scope, resolving: false }]];
  }
  if (ts.isModuleDeclaration(statement)) return declareNamespace(program, scope, statement, prefix);
  if (ts.isInterfaceDeclaration(statement)) {
    diagnostics.report(1011, statement.name, `interface ${statement.name.text}`);
    return [];
  }
  if (ts.isVariableStatement(statement)) return declareVariables(program, scope, statement, prefix);
  return [];
}

function declareNamespace(
  program: Program,
  scope: Scope,
  statement: ts.ModuleDeclaration,
  prefix: string,
): [string, Entity][] {
  const { name, body } = statement;
  if (!ts.isIdentifier(name) || (statement.flags & ts.NodeFlags.GlobalAugmentation) !== 0) {
    program.diagnostics.report(1020, statement, 'Declarations of other modules');
    return [];
  }
  if (body === undefined || ts.isIdentifier(body)) return [];
  const known = scope.names.get(name.text);
  const namespace: NamespaceEntity =
    known?.kind === 'namespace'
      ? known
      : { kind: 'namespace', name: name.text, scope: new Scope(scope, scope.module), exported: new Set() };
  const inner = `${prefix}.${name.text}`;
  if (ts.isModuleBlock(body)) bindStatements(program, namespace.scope, body.statements, inner, namespace);
  else {
    // `namespace A.B { … }` is a namespace B that A exports.
    for (const [part, entity] of declareNamespace(program, namespace.scope, body, inner)) {
      namespace.scope.names.set(part, entity);
      addExport(namespace, part, entity);
    }
  }
  return [[name.text, namespace]];
}

function declareVariables(
  program: Program,
  scope: Scope,
  statement: ts.VariableStatement,
  prefix: string,
): [string, Entity][] {
  const flags = statement.declarationList.flags & ts.NodeFlags.BlockScoped;
  if (flags === 0) program.diagnostics.report(1001, statement);
  if (flags === ts.NodeFlags.Using) program.diagnostics.report(1020, statement, "'using' declarations");
  if (statement.declarationList.declarations.length === 0)
    program.diagnostics.report(1021, statement, 'a name');
  const isExternal = hasModifier(statement, ts.SyntaxKind.DeclareKeyword);
  const found: [string, Entity][] = [];
  for (const declaration of statement.declarationList.declarations) {
    if (!ts.isIdentifier(declaration.name)) {
      program.diagnostics.report(1004, declaration.name);
      continue;
    }
    const name = declaration.name.text;
    const attributes = readAttributes(statement, name, program.diagnostics);
    const isConst = flags === ts.NodeFlags.Const;
    const symbol = attributes.exportName ?? (isExternal ? name : `${prefix}.${name}`);
    const variable = new GlobalVariable(name, symbol, declaration, scope, isConst, isExternal, attributes);
    found.push([name, variable]);
  }
  return found;
}
