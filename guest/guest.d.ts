/**
 * The ambient world of guest TypeScript: what the compiler knows without an import. Editors and plain `tsc` read
 * this file in place of the standard library (`noLib`); `licorice check` and `licorice build` know the same names
 * and are stricter (docs/guest-typescript.md is the reference). Nothing here exists at run time: every function is an
 * intrinsic that the compiler expands in place.
 *
 * Why weak brands: `u64` is `number` with an optional property that never exists. A literal or the result of arithmetic
 * (which `tsc` calls `number`) can be assigned to it, a value of another width cannot. (Enums would do as well but for
 * narrowing: after `x !== 0` an enum variable has type `never`.) That is as close to fixed-width integers as an
 * unmodified `tsc` gets; the rest is checked by the compiler.
 */

// ---------------------------------------------------------------------------------------------------- numbers

declare const width: unique symbol;
type Width<W extends string> = number & { readonly [width]?: W };

/** Unsigned, 8 bits: 0 to 255. */
type u8 = Width<'u8'>;
/** Unsigned, 16 bits: 0 to 65535. */
type u16 = Width<'u16'>;
/** Unsigned, 32 bits: 0 to 2^32 − 1. */
type u32 = Width<'u32'>;
/** Unsigned, 64 bits: 0 to 2^64 − 1, exact, literals too. */
type u64 = Width<'u64'>;
/** Signed, 8 bits: −128 to 127. */
type i8 = Width<'i8'>;
/** Signed, 16 bits: −32768 to 32767. */
type i16 = Width<'i16'>;
/** Signed, 32 bits: −2^31 to 2^31 − 1. The type of a `let` whose initialiser is an integer literal. */
type i32 = Width<'i32'>;
/** Signed, 64 bits: −2^63 to 2^63 − 1. */
type i64 = Width<'i64'>;
/** IEEE 754 single precision. */
type f32 = Width<'f32'>;
/** IEEE 754 double precision. */
type f64 = Width<'f64'>;
/** An address or a size in bytes: the same type as `u64`. */
type usize = Width<'u64'>;
/** A difference of addresses: the same type as `i64`. */
type isize = Width<'i64'>;
/** `true` or `false`; one byte in memory. */
type bool = boolean;
/** UTF-8 text: a pointer and a length in bytes. Literals are constant data. */
type str = string;

/** Casts. Integers are truncated, or extended as the *source* is signed; `bool` gives 0 or 1; a string literal of one
 * byte gives that byte (`u8('A')`); floats to integers round towards zero and saturate, NaN gives the largest value. */
declare function u8(value: number | boolean | string): u8;
declare function u16(value: number | boolean | string): u16;
declare function u32(value: number | boolean | string): u32;
declare function u64(value: number | boolean | string): u64;
declare function i8(value: number | boolean | string): i8;
declare function i16(value: number | boolean | string): i16;
declare function i32(value: number | boolean | string): i32;
declare function i64(value: number | boolean | string): i64;
declare function usize(value: number | boolean | string): usize;
declare function isize(value: number | boolean | string): isize;
declare function f32(value: number): f32;
declare function f64(value: number): f64;

// -------------------------------------------------------------------------------------- sequences and pointers

/** What arrays, slices and strings have in common. Indexing is checked: out of bounds panics with file and line. */
interface Sequence<T> {
  [index: number]: T;
  /** Number of elements. */
  readonly length: usize;
  /** Pointer to the first element; indexing through it is not checked. */
  readonly ptr: Ptr<T>;
  /** Elements `start` up to, not including, `end` (checked); the same memory, not a copy. */
  subslice(start: usize, end?: usize): Slice<T>;
  [Symbol.iterator](): Iterator<T>;
}

/**
 * `N` elements in place: in a class it is stored in the object itself, and a variable of this type refers to it. Elements of class
 * type are references, unless they are `Inline<T>`.
 */
interface FixedArray<T, N extends number> extends Sequence<T> {}

/** A pointer and a length: a window on elements that live elsewhere. A `FixedArray` converts to it by itself. */
interface Slice<T> extends Sequence<T> {}

/** A raw pointer to elements of type `T`; never checked. `null` is address 0. */
interface Ptr<T> {
  [index: number]: T;
  /** The pointer `count` elements further (or back, when negative). */
  add(count: number): Ptr<T>;
  /** The address. */
  readonly address: usize;
}

/** A raw pointer that is stored in a `@persistent` class as a persistent pointer, into this object or another. */
type PersistentPtr<T> = Ptr<T>;

/** Stored by value, in place: a field or an array element of class type `T` without a reference in between. */
type Inline<T> = T;

interface String {
  readonly [index: number]: u8;
  /** Length in bytes of UTF-8. */
  readonly length: usize;
  readonly ptr: Ptr<u8>;
  /** The bytes, for passing on and for `for … of`. */
  readonly bytes: Slice<u8>;
  subslice(start: usize, end?: usize): str;
  /** The same bytes? */
  equals(other: str): bool;
}

/** The slice of `length` elements at `pointer`. */
declare function sliceOf<T>(pointer: Ptr<T>, length: usize): Slice<T>;
/** The string of `length` bytes of UTF-8 at `pointer`. */
declare function strOf(pointer: Ptr<u8>, length: usize): str;

// -------------------------------------------------------------------------------------------- memory and layout

/** A reference to the `T` at `address` (a class or a `FixedArray`), or a pointer of type `T`. */
declare function at<T>(address: usize): T;
/** A new `T` (a class or a `FixedArray`) in the current function's frame, filled with zeros; gone when it returns. */
declare function stack<T>(): T;
/** A `T` in static storage, filled with zeros: the initialiser of a top-level `const`. */
declare function zeroed<T>(): T;
/** The address of the object that `reference` refers to; 0 for null. */
declare function addressOf(reference: object | null | ((...args: never[]) => unknown)): usize;
/** A pointer to a variable, a field or an element: `ptrTo(node.count)`. */
declare function ptrTo<T>(place: T): Ptr<T>;
/** Reinterprets the bits of a value as a type of the same size: references, pointers, integers, enums, functions. */
declare function changetype<T>(value: unknown): T;
/** Reads a `T` at `address + offset`. */
declare function load<T>(address: usize, offset?: usize): T;
/** Writes a `T` at `address + offset`. */
declare function store<T>(address: usize, value: T, offset?: usize): void;
/** `load` that the compiler neither drops, repeats, splits nor moves. For whole fields see `@volatile`. */
declare function volatileLoad<T>(address: usize, offset?: usize): T;
/** `store` that the compiler neither drops, repeats, splits nor moves. */
declare function volatileStore<T>(address: usize, value: T, offset?: usize): void;
/** Size in bytes: of a class, the bytes of the struct itself. Constant. */
declare function sizeof<T>(): usize;
/** Alignment in bytes. Constant. */
declare function alignof<T>(): usize;
/** Byte offset of a field. Constant. */
declare function offsetof<T>(field: keyof T): usize;
/** Copies all fields from `source` to `target`. */
declare function assign<T>(target: T, source: T): void;
/** A place without its bounds checks: `unchecked(table[i])`, `unchecked(table[i] = x)`. */
declare function unchecked<T>(value: T): T;

declare namespace memory {
  /** Copies `size` bytes; the areas may overlap. */
  function copy(target: usize, source: usize, size: usize): void;
  /** Sets `size` bytes to `value`. */
  function fill(target: usize, value: u8, size: usize): void;
  /** Compares bytes as unsigned: negative, zero or positive. */
  function compare(left: usize, right: usize, size: usize): i32;
}

// ------------------------------------------------------------------------------------------- checks and constants

/** Ends the program through `__panic` with this message and the place of the call. */
declare function panic(message: str): never;
/** Panics unless `condition` holds. */
declare function assert(condition: bool, message?: str): asserts condition;
/** An error of compilation unless the constant `condition` holds. */
declare function static_assert(condition: bool, message?: str): void;
/** Marks a place that is never reached; reaching it is undefined. */
declare function unreachable(): never;
/** True in a build with `-O0`. Constant. */
declare const DEBUG: bool;

// ------------------------------------------------------------------------------------------------------ arithmetic

/** Leading zero bits; the width of the type for 0. */
declare function clz<T extends number>(value: T): T;
/** Trailing zero bits; the width of the type for 0. */
declare function ctz<T extends number>(value: T): T;
/** One bits. */
declare function popcnt<T extends number>(value: T): T;
/** Rotates left by `count` modulo the width. */
declare function rotl<T extends number>(value: T, count: number): T;
/** Rotates right by `count` modulo the width. */
declare function rotr<T extends number>(value: T, count: number): T;
/** Reverses the order of bytes. */
declare function bswap<T extends number>(value: T): T;
/** The smaller of two integers or floats of one type. */
declare function min<T extends number>(a: T, b: T): T;
/** The larger of two integers or floats of one type. */
declare function max<T extends number>(a: T, b: T): T;
/** Absolute value. */
declare function abs<T extends number>(value: T): T;
/** `condition ? a : b` with both evaluated and no branch. */
declare function select<T>(condition: bool, a: T, b: T): T;
/** Upper 64 bits of the unsigned 128-bit product. */
declare function mulhu(a: u64, b: u64): u64;
/** Upper 64 bits of the signed 128-bit product. */
declare function mulh(a: i64, b: i64): i64;
/** Square root of a float. */
declare function sqrt<T extends number>(value: T): T;

// ---------------------------------------------------------------------------------------- atomics, fences, caches

/** Memory orders, as in C11. */
declare enum Order {
  relaxed,
  acquire,
  release,
  acq_rel,
  seq_cst,
}

/** Atomic access to naturally aligned 32- and 64-bit integers (and references). The default order is `Order.seq_cst`. */
declare namespace atomic {
  function load<T>(place: Ptr<T>, order?: Order): T;
  function store<T>(place: Ptr<T>, value: T, order?: Order): void;
  /** These return the value before. */
  function add<T extends number>(place: Ptr<T>, value: T, order?: Order): T;
  function sub<T extends number>(place: Ptr<T>, value: T, order?: Order): T;
  function and<T extends number>(place: Ptr<T>, value: T, order?: Order): T;
  function or<T extends number>(place: Ptr<T>, value: T, order?: Order): T;
  function xor<T extends number>(place: Ptr<T>, value: T, order?: Order): T;
  function min<T extends number>(place: Ptr<T>, value: T, order?: Order): T;
  function max<T extends number>(place: Ptr<T>, value: T, order?: Order): T;
  function exchange<T>(place: Ptr<T>, value: T, order?: Order): T;
  /** Writes `replacement` if the place holds `expected`; returns the value before (equal to `expected` = done). */
  function compareExchange<T>(place: Ptr<T>, expected: T, replacement: T, order?: Order): T;
  /** LR: loads and reserves. */
  function loadReserved<T>(place: Ptr<T>, order?: Order): T;
  /** SC: stores if the reservation still holds; true when it did. */
  function storeConditional<T>(place: Ptr<T>, value: T, order?: Order): bool;
}

/** FENCE: orders accesses before it in `predecessor` against those after it in `successor`; both are made of the
 * letters `iorw` and constant. Without arguments: `fence('iorw', 'iorw')`. */
declare function fence(predecessor?: string, successor?: string): void;
/** FENCE.TSO. */
declare function fenceTso(): void;
/** FENCE.I: stores to code are seen by this hart's fetches. */
declare function fenceI(): void;
/** SFENCE.VMA for an address and an ASID; all of either when left out. */
declare function sfenceVma(address?: usize, asid?: u64): void;
/** A barrier for the compiler only: memory is read and written again after it. */
declare function compilerBarrier(): void;

/** Cache-block operations (64-byte blocks) on the block that contains `address`. */
declare namespace cbo {
  function clean(address: usize): void;
  function flush(address: usize): void;
  function inval(address: usize): void;
  function zero(address: usize): void;
}

// -------------------------------------------------------------------------------------------- machine and assembly

/** Control and status registers, by name (`'sstatus'`) or by constant number. */
declare namespace csr {
  function read(register: string | number): u64;
  function write(register: string | number, value: u64): void;
  /** Writes and returns the value before. */
  function swap(register: string | number, value: u64): u64;
  /** Sets the bits of `mask`; returns the value before. */
  function set(register: string | number, mask: u64): u64;
  /** Clears the bits of `mask`; returns the value before. */
  function clear(register: string | number, mask: u64): u64;
}

/** WFI. */
declare function wfi(): void;
/** PAUSE hint of spin loops. */
declare function pause(): void;
/** EBREAK. */
declare function ebreak(): void;

/**
 * Inline assembly: `asm<u64>\`rdtime ${result}\``, `asm\`csrw stvec, ${address}\``. An operand is a value (a register
 * that holds it), `result` (the register of the value returned), `out(variable)`, `inReg('a7', value)`,
 * `outReg('a1', variable)` or `clobber('t0 memory')`; the last three add no text. Assembly is never dropped
 * nor moved across other assembly, and is taken to read and write memory.
 */
declare function asm<T = void>(text: TemplateStringsArray, ...operands: unknown[]): T;
declare const result: unique symbol;
declare function out(variable: unknown): void;
declare function inReg(register: string, value: unknown): void;
declare function outReg(register: string, variable: unknown): void;
declare function clobber(registers: string): void;
/** The address of a symbol of the linker script or of assembly. */
declare function symbolAddress(name: string): usize;

// -------------------------------------------------------------------------------------------------- class decorators

/** Objects of this class lie in persistent objects: its reference fields are stored as persistent pointers, and
 * `using tx` scopes log stores to it. */
declare function persistent(target: unknown, context: unknown): void;
/** A class with `record(address: usize, size: usize): void`: while a variable or parameter of it opens a scope, stores to
 * persistent classes are preceded by a call of `record`. */
declare function transaction(target: unknown, context: unknown): void;

// ------------------------------------------------------------------------- what `tsc` needs in place of a library

interface SymbolConstructor {
  readonly iterator: unique symbol;
  readonly dispose: unique symbol;
}
declare var Symbol: SymbolConstructor;
type Symbol = {};
interface Disposable {
  [Symbol.dispose](): void;
}
interface Iterator<T> {
  next(): { done: boolean; value: T };
}
interface Array<T> extends Sequence<T> {}
type Boolean = {};
type CallableFunction = {};
interface ClassDecoratorContext<_T> {}
type Function = {};
type IArguments = {};
type NewableFunction = {};
type Number = {};
type Object = {};
type RegExp = {};
type TemplateStringsArray = {};
