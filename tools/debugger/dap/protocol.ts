/**
 * The bodies of responses and events of the Debug Adapter Protocol, as far as this adapter has them
 * (https://microsoft.github.io/debug-adapter-protocol/specification). Who sends them and who reads them in tests use the same types.
 */

export interface Source {
  readonly name: string;
  readonly path?: string;
  readonly presentationHint?: 'deemphasize';
}

export interface Breakpoint {
  readonly id?: number;
  readonly verified: boolean;
  readonly line?: number;
  readonly message?: string;
}

export interface Thread {
  readonly id: number;
  readonly name: string;
}

export interface StackFrame {
  readonly id: number;
  readonly name: string;
  /** 0 where no source is known. */
  readonly line: number;
  readonly column: number;
  readonly instructionPointerReference: string;
  readonly moduleId?: string;
  readonly source?: Source;
}

export interface Scope {
  readonly name: string;
  readonly variablesReference: number;
  readonly expensive: boolean;
  readonly presentationHint?: string;
}

/** A row of a tree of variables. */
export interface Variable {
  readonly name: string;
  readonly value: string;
  readonly type?: string;
  readonly evaluateName?: string;
  /** Number of what is below it; 0: nothing. */
  readonly variablesReference: number;
  readonly memoryReference?: string;
}

export interface DisassembledInstruction {
  readonly address: string;
  /** In hexadecimal, without a prefix. */
  readonly instructionBytes: string;
  readonly instruction: string;
  readonly symbol?: string;
  readonly location?: Source;
  readonly line?: number;
}

interface BreakpointList {
  readonly breakpoints: readonly Breakpoint[];
}

/** Bodies of responses, by command; `undefined`: there is none. */
export interface ResponseBodies {
  readonly initialize: Readonly<Record<string, unknown>>;
  readonly launch: undefined;
  readonly attach: undefined;
  readonly configurationDone: undefined;
  readonly setBreakpoints: BreakpointList;
  readonly setFunctionBreakpoints: BreakpointList;
  readonly setInstructionBreakpoints: BreakpointList;
  readonly setDataBreakpoints: BreakpointList;
  readonly setExceptionBreakpoints: BreakpointList;
  readonly dataBreakpointInfo: {
    /** Null: there is nothing to be watched, and the description says why. */
    readonly dataId: string | null;
    readonly description: string;
    readonly accessTypes?: readonly string[];
  };
  readonly threads: { readonly threads: readonly Thread[] };
  readonly stackTrace: { readonly stackFrames: readonly StackFrame[]; readonly totalFrames: number };
  readonly scopes: { readonly scopes: readonly Scope[] };
  readonly variables: { readonly variables: readonly Variable[] };
  readonly setVariable: Variable;
  readonly evaluate: {
    readonly result: string;
    readonly type?: string;
    readonly variablesReference: number;
    readonly memoryReference?: string;
  };
  readonly completions: {
    readonly targets: readonly { readonly label: string; readonly start: number; readonly length: number }[];
  };
  readonly continue: { readonly allThreadsContinued: boolean };
  readonly reverseContinue: undefined;
  readonly next: undefined;
  readonly stepIn: undefined;
  readonly stepOut: undefined;
  readonly stepBack: undefined;
  readonly pause: undefined;
  readonly readMemory: {
    readonly address: string;
    /** In base 64. */
    readonly data: string;
    readonly unreadableBytes?: number;
  };
  readonly writeMemory: { readonly bytesWritten: number };
  readonly disassemble: { readonly instructions: readonly DisassembledInstruction[] };
  readonly terminate: undefined;
  readonly disconnect: undefined;
}

/** Bodies of events, by name. */
export interface EventBodies {
  readonly initialized: undefined;
  readonly stopped: {
    readonly reason: 'entry' | 'breakpoint' | 'data breakpoint' | 'exception' | 'step' | 'pause' | 'goto';
    readonly threadId: number;
    readonly allThreadsStopped: boolean;
    readonly description?: string;
    readonly text?: string;
    readonly hitBreakpointIds?: readonly number[];
  };
  readonly output: { readonly category: 'stdout' | 'stderr' | 'console'; readonly output: string };
  readonly terminated: undefined;
}
