/**
 * What names stand for: modules, scopes, and the things declared in them. Generic functions and classes are
 * *templates*; each set of type arguments makes one *instance*, which has types, a layout and a symbol.
 * Everything is resolved lazily, when it is first asked for, so declarations may come in any order.
 */
import type * as ts from 'typescript';
import type { Attributes } from './attributes.ts';
import type { ConstExpr, Expr, FloatExpr, LocalVariable, Stmt, StrExpr } from './tree.ts';
import type { ClassType, EnumType, Field, Layout, Type } from './types.ts';

/** The names visible at a place. A function's outermost scope carries the function, so that captures are noticed. */
export class Scope {
  readonly names = new Map<string, Entity>();

  constructor(
    readonly parent: Scope | undefined,
    readonly module: Module,
    /** Set on the outermost scope of a function's body. */
    readonly func?: FunctionInstance,
  ) {}

  /** Declares a name; false if the scope has it already. The parts of a namespace are one entity. */
  declare(name: string, entity: Entity): boolean {
    const isNew = !this.names.has(name) || this.names.get(name) === entity;
    this.names.set(name, entity);
    return isNew;
  }

  lookup(name: string): Entity | undefined {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.parent) {
      const entity = scope.names.get(name);
      if (entity !== undefined) return entity;
    }
    return undefined;
  }

  /** The innermost function whose body this scope belongs to. */
  enclosingFunction(): FunctionInstance | undefined {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.parent) {
      if (scope.func !== undefined) return scope.func;
    }
    return undefined;
  }
}

/** A source file. */
export class Module {
  readonly scope: Scope;
  /** Names it exports: own ones, and those it passes on from other modules. */
  readonly exports = new Map<string, Entity>();
  /** Modules of `export * from`. */
  readonly starExports: Module[] = [];
  /** What its imports and exports name, in their order. */
  readonly imports: Module[] = [];
  /** Whether its top-level statements were checked. */
  checked = false;

  constructor(
    /** Absolute path. */
    readonly path: string,
    readonly source: ts.SourceFile,
    /** Prefix of the symbols of its declarations: `libtwz.alloc`. */
    readonly symbolPrefix: string,
  ) {
    this.scope = new Scope(undefined, this);
  }
}

export interface TypeEntity {
  readonly kind: 'type';
  readonly type: Type;
}
export interface LocalEntity {
  readonly kind: 'local';
  readonly variable: LocalVariable;
  readonly owner: FunctionInstance;
}
/** A constant without a type of its own. */
export interface ConstantEntity {
  readonly kind: 'constant';
  readonly value: ConstExpr | FloatExpr | StrExpr;
}
export interface EnumEntity {
  readonly kind: 'enum';
  readonly name: string;
  readonly declaration: ts.EnumDeclaration;
  readonly scope: Scope;
  type: EnumType | undefined;
  resolving: boolean;
}
export interface AliasEntity {
  readonly kind: 'alias';
  readonly name: string;
  readonly declaration: ts.TypeAliasDeclaration;
  readonly scope: Scope;
  resolving: boolean;
}
export interface NamespaceEntity {
  readonly kind: 'namespace';
  readonly name: string;
  readonly scope: Scope;
  /** Only these are visible from outside; undefined for all. */
  readonly exported: Set<string> | undefined;
}
export interface ImportEntity {
  readonly kind: 'import';
  readonly module: Module;
  /** Undefined for `import * as`. */
  readonly name: string | undefined;
  readonly node: ts.Node;
}

/** A variable of static storage. */
export class GlobalVariable {
  readonly kind = 'globalVariable';
  /** Set when first asked for. */
  type: Type | undefined;
  /** What is stored: `inline` for an object in place. */
  storage: Type | undefined;
  /** Initial value; undefined for zeros. */
  value: Expr | undefined;
  /** An untyped constant needs no storage. */
  constant: ConstExpr | FloatExpr | StrExpr | undefined;
  resolving = false;
  /** Is an object or array in place, to which the name refers. */
  inPlace = false;

  constructor(
    readonly name: string,
    readonly symbolName: string,
    readonly declaration: ts.VariableDeclaration | ts.PropertyDeclaration,
    readonly scope: Scope,
    readonly isConst: boolean,
    readonly isExternal: boolean,
    readonly attributes: Attributes,
  ) {}
}

export type FunctionNode =
  | ts.FunctionDeclaration
  | ts.MethodDeclaration
  | ts.ArrowFunction
  | ts.FunctionExpression
  | ts.ConstructorDeclaration
  | ts.GetAccessorDeclaration
  | ts.SetAccessorDeclaration;

/** A function or method as it is declared. */
export class FunctionTemplate {
  readonly kind = 'function';
  readonly instances = new Map<string, FunctionInstance>();

  constructor(
    readonly name: string,
    readonly declaration: FunctionNode,
    readonly scope: Scope,
    /** Symbol up to its own name: module, namespace, class. */
    readonly symbolPrefix: string,
    readonly attributes: Attributes,
    /** The class whose instance is `this`; undefined for functions and static methods. */
    readonly thisType: ClassType | undefined,
  ) {}

  get typeParameters(): readonly ts.TypeParameterDeclaration[] {
    return this.declaration.typeParameters ?? [];
  }
}

/** A function with all types known. */
export class FunctionInstance {
  /** Explicit parameters; `this` comes before them as `thisVariable`. */
  params: LocalVariable[] = [];
  /** How each parameter is passed: its type, or `Inline<C>` for a struct by value. */
  passed: Type[] = [];
  /** Constant values for parameters left out of a call. */
  defaults: (Expr | undefined)[] = [];
  thisVariable: LocalVariable | undefined;
  result!: Type;
  /** Undefined until checked, and for functions of other object files. */
  body: Stmt[] | undefined;
  /** Assembly of a naked function. */
  naked: string | undefined;
  checked = false;

  /** Binds type parameters and parameters; its parent is where the function was declared. */
  readonly scope: Scope;

  constructor(
    readonly template: FunctionTemplate,
    readonly symbolName: string,
    /** Nesting of generic instances. */
    readonly depth: number,
  ) {
    this.scope = new Scope(template.scope, template.scope.module, this);
  }

  get isExternal(): boolean {
    const { declaration } = this.template;
    return !('body' in declaration) || declaration.body === undefined;
  }
}

/** A class as it is declared. */
export class ClassTemplate {
  readonly kind = 'classTemplate';
  readonly instances = new Map<string, ClassInstance>();

  constructor(
    readonly name: string,
    readonly symbolPrefix: string,
    readonly declaration: ts.ClassDeclaration,
    readonly scope: Scope,
    readonly isPersistent: boolean,
    readonly isTransaction: boolean,
    readonly attributes: Attributes,
  ) {}
}

/** A class with its type arguments. */
export class ClassInstance {
  readonly type: ClassType = { kind: 'class', instance: this };
  base: ClassInstance | undefined;
  readonly methods = new Map<string, FunctionTemplate>();
  readonly getters = new Map<string, FunctionTemplate>();
  readonly setters = new Map<string, FunctionTemplate>();
  readonly statics = new Map<string, FunctionTemplate | GlobalVariable>();
  construct: FunctionTemplate | undefined;
  /** Field initialisers are checked with the class's scope when an object is made. */
  computedLayout: Layout | undefined;
  computing = false;

  constructor(
    readonly template: ClassTemplate,
    /** With type arguments: `List<u32>`. */
    readonly name: string,
    readonly args: readonly Type[],
    readonly scope: Scope,
    readonly depth: number,
    private readonly computeLayout: (instance: ClassInstance) => Layout,
  ) {}

  get isPersistent(): boolean {
    return this.template.isPersistent;
  }

  layout(): Layout {
    return (this.computedLayout ??= this.computeLayout(this));
  }

  field(name: string): Field | undefined {
    return this.layout().fields.find((field) => field.name === name);
  }

  /** Looks in this class, then in its bases. */
  find<T>(table: (instance: ClassInstance) => ReadonlyMap<string, T>, name: string): T | undefined {
    for (let instance: ClassInstance | undefined = this; instance !== undefined; instance = instance.base) {
      const found = table(instance).get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  extends(other: ClassInstance): boolean {
    for (let instance: ClassInstance | undefined = this; instance !== undefined; instance = instance.base) {
      if (instance === other) return true;
    }
    return false;
  }
}

export type Entity =
  | TypeEntity
  | LocalEntity
  | ConstantEntity
  | EnumEntity
  | AliasEntity
  | NamespaceEntity
  | ImportEntity
  | GlobalVariable
  | FunctionTemplate
  | ClassTemplate;
