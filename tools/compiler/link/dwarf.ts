/**
 * Debugging information, DWARF 5, for the code and data of a module: lines, functions with parameters and variables,
 * types, globals, and call frame information. The language is given as C, so that GDB's expressions work on it.
 */
import { ENCODING, LANGUAGE_C11, OP, PRODUCER } from '../../dwarf/constants.ts';
import type { DebugType, DebugVar, InlinedCall } from '../ir/debug.ts';
import type { Global, Sym } from '../ir/ir.ts';
import type { CompiledFunc } from '../riscv/emit.ts';
import { FRAME } from '../riscv/moves.ts';
import { DebugBuffer } from './debug-buffer.ts';
import { ABBREVIATIONS, writeAbbreviations } from './dwarf-abbreviations.ts';
import { type TrapHandler, writeFrames } from './dwarf-frame.ts';
import { type InlinedNode, inlinedCalls } from './dwarf-inlined.ts';
import { writeLines } from './dwarf-line.ts';
import type { ObjectSymbol } from './object.ts';
import type { SourcePlaces } from './source-places.ts';

export function writeDwarf(
  places: SourcePlaces,
  funcs: readonly CompiledFunc[],
  globals: readonly Global[],
  handlers: readonly TrapHandler[],
  symbolOf: (sym: Sym) => ObjectSymbol,
): DebugBuffer[] {
  return new DwarfWriter(places, funcs, globals, handlers, symbolOf).run();
}

/** Bytes of a range- or location-list header, after which the first list starts. */
const LIST_HEADER = 12;
const RLE_START_LENGTH = 7;
const LLE_START_LENGTH = 8;
const DWARF_VERSION = 5;
const UNIT_COMPILE = 1;
/** DW_INL_inlined. */
const INLINED = 1;
const ADDRESS_SIZE = 8;

class DwarfWriter {
  private readonly info = new DebugBuffer('.debug_info');
  private readonly abbrev = new DebugBuffer('.debug_abbrev');
  private readonly line = new DebugBuffer('.debug_line');
  private readonly ranges = new DebugBuffer('.debug_rnglists');
  private readonly locations = new DebugBuffer('.debug_loclists');
  private readonly frame = new DebugBuffer('.debug_frame');
  /** Offset in .debug_info of each type that was written; types by what they mean, not by object. */
  private readonly typeOffsets = new Map<DebugType, number>();
  private readonly pendingTypes: DebugType[] = [];
  /** Places of references to types that are written later. */
  private readonly typeFixes: { readonly at: number; readonly type: DebugType }[] = [];

  /** Callees that were inlined, and the places of references to them. */
  private readonly inlinedCallees = new Map<InlinedCall['callee'], number[]>();

  constructor(
    private readonly places: SourcePlaces,
    private readonly funcs: readonly CompiledFunc[],
    private readonly globals: readonly Global[],
    private readonly handlers: readonly TrapHandler[],
    private readonly symbolOf: (sym: Sym) => ObjectSymbol,
  ) {}

  run(): DebugBuffer[] {
    writeAbbreviations(this.abbrev);
    writeLines(this.line, this.places, this.funcs, this.symbolOf);
    writeFrames(this.frame, this.funcs, this.handlers, this.symbolOf);
    const ranges = this.writeRanges();
    const lists = this.startList(this.locations);
    this.writeInfo();
    this.ranges.endUnit(ranges);
    this.locations.endUnit(lists);
    const buffers = [this.info, this.abbrev, this.line, this.ranges, this.frame];
    if (this.locations.length > LIST_HEADER) buffers.push(this.locations);
    return buffers;
  }

  private startList(buffer: DebugBuffer): number {
    const start = buffer.startUnit();
    buffer.u16(DWARF_VERSION);
    buffer.u8(ADDRESS_SIZE);
    buffer.u8(0);
    buffer.u32(0);
    return start;
  }

  /** The code of all functions, as the first list. Those of inlined calls follow it. */
  private writeRanges(): number {
    const { ranges } = this;
    const start = this.startList(ranges);
    for (const { func, bytes } of this.funcs) {
      ranges.u8(RLE_START_LENGTH);
      ranges.address(this.symbolOf(func));
      ranges.uleb(bytes.length);
    }
    ranges.u8(0);
    return start;
  }

  private writeInfo(): void {
    const { info, places } = this;
    const unit = info.startUnit();
    info.u16(DWARF_VERSION);
    info.u8(UNIT_COMPILE);
    info.u8(ADDRESS_SIZE);
    info.offsetIn(this.abbrev, 0);
    info.uleb(ABBREVIATIONS.unit);
    info.text(PRODUCER);
    info.u16(LANGUAGE_C11);
    info.text(places.files[0] ?? '');
    info.text(places.directory);
    info.offsetIn(this.line, 0);
    info.offsetIn(this.ranges, LIST_HEADER);
    info.u64(0);
    for (const compiled of this.funcs) this.writeFunc(compiled);
    for (const global of this.globals) this.writeGlobal(global);
    for (let type = this.pendingTypes.shift(); type !== undefined; type = this.pendingTypes.shift()) {
      this.writeType(type);
    }
    this.writeAbstractFunctions();
    for (const { at, type } of this.typeFixes) info.patchU32(at, this.typeOffsets.get(type)!);
    info.uleb(0);
    info.endUnit(unit);
  }

  private place(loc: number): void {
    const { file, line } = this.places.at(loc);
    this.info.uleb(file);
    this.info.uleb(line);
  }

  private writeFunc(compiled: CompiledFunc): void {
    const { info } = this;
    const { func } = compiled;
    const inlined = inlinedCalls(this.places, compiled);
    const children = func.debugVars.length + inlined.length > 0;
    info.uleb(
      func.debugResult === undefined
        ? children
          ? ABBREVIATIONS.voidFunctionParent
          : ABBREVIATIONS.voidFunction
        : children
          ? ABBREVIATIONS.functionParent
          : ABBREVIATIONS.function,
    );
    info.text(func.sourceName ?? func.name);
    info.text(func.name);
    info.u8(func.linkage === 'local' ? 0 : 1);
    this.place(func.loc);
    info.address(this.symbolOf(func));
    info.u64(compiled.bytes.length);
    info.uleb(1);
    info.u8(OP.callFrameCfa);
    if (func.debugResult !== undefined) this.typeReference(func.debugResult);
    if (!children) return;
    const homes = new Map(
      func.slots.filter((slot) => slot.variable >= 0).map((slot) => [slot.variable, slot]),
    );
    func.debugVars.forEach((variable, index) => {
      const slot = homes.get(index);
      const offset = slot === undefined ? undefined : compiled.slotOffsets[slot.id];
      if (offset !== undefined) this.writeVariable(variable, offset - compiled.frameSize);
      else this.writeMovingVariable(variable, index, compiled);
    });
    for (const call of inlined) this.writeInlined(call, this.symbolOf(func));
    info.uleb(0);
  }

  /** A call whose callee was inlined, with the calls that were inlined there. */
  private writeInlined({ callee, at, ranges: covered, calls }: InlinedNode, symbol: ObjectSymbol): void {
    const { info, ranges } = this;
    info.uleb(calls.length > 0 ? ABBREVIATIONS.inlinedParent : ABBREVIATIONS.inlined);
    const uses = this.inlinedCallees.get(callee) ?? [];
    this.inlinedCallees.set(callee, uses);
    uses.push(info.length);
    info.u32(0);
    info.offsetIn(ranges, ranges.length);
    for (const { start, end } of covered) {
      ranges.u8(RLE_START_LENGTH);
      ranges.address(symbol, start);
      ranges.uleb(end - start);
    }
    ranges.u8(0);
    this.place(at);
    if (calls.length === 0) return;
    for (const call of calls) this.writeInlined(call, symbol);
    info.uleb(0);
  }

  /** The functions that were inlined, for `writeInlined` to refer to. */
  private writeAbstractFunctions(): void {
    const { info } = this;
    for (const [{ name, sourceName, loc }, uses] of this.inlinedCallees) {
      for (const at of uses) info.patchU32(at, info.length);
      info.uleb(ABBREVIATIONS.abstractFunction);
      info.text(sourceName ?? name);
      info.text(name);
      this.place(loc);
      info.u8(INLINED);
    }
  }

  private variableHead(variable: DebugVar, parameter: number, local: number): void {
    this.info.uleb(variable.isParam ? parameter : local);
    this.info.text(variable.name);
    this.place(variable.loc);
    this.typeReference(variable.type);
  }

  /** A variable with one place in the frame; `offset` is from the CFA. */
  private writeVariable(variable: DebugVar, offset: number): void {
    this.variableHead(variable, ABBREVIATIONS.parameter, ABBREVIATIONS.variable);
    this.expression((buffer) => {
      buffer.u8(OP.fbreg);
      buffer.sleb(offset);
    }, this.info);
  }

  /** A variable with a list of places. */
  private writeMovingVariable(variable: DebugVar, index: number, compiled: CompiledFunc): void {
    const { locations } = this;
    const ranges = compiled.variables.filter((range) => range.variable === index && range.end > range.start);
    if (ranges.length === 0) {
      this.variableHead(variable, ABBREVIATIONS.parameterGone, ABBREVIATIONS.variableGone);
      return;
    }
    this.variableHead(variable, ABBREVIATIONS.parameterList, ABBREVIATIONS.variableList);
    this.info.offsetIn(locations, locations.length);
    const symbol = this.symbolOf(compiled.func);
    for (const { start, end, place } of ranges) {
      locations.u8(LLE_START_LENGTH);
      locations.address(symbol, start);
      locations.uleb(end - start);
      this.expression((buffer) => {
        if (place >= FRAME) {
          buffer.u8(OP.fbreg);
          buffer.sleb(place - FRAME - compiled.frameSize);
        } else if (place < 32) buffer.u8(OP.reg0 + place);
        else {
          buffer.u8(OP.regx);
          buffer.uleb(place);
        }
      }, locations);
    }
    locations.u8(0);
  }

  /** Writes an expression, shorter than 128 bytes, with its length in front. */
  private expression(write: (buffer: DebugBuffer) => void, target: DebugBuffer): void {
    const at = target.length;
    target.u8(0);
    write(target);
    target.patchU8(at, target.length - at - 1);
  }

  private writeGlobal(global: Global): void {
    if (global.debugType === undefined) return;
    const { info } = this;
    info.uleb(ABBREVIATIONS.global);
    info.text(global.name.slice(global.name.lastIndexOf('.') + 1));
    info.text(global.name);
    info.u8(global.linkage === 'local' ? 0 : 1);
    this.place(global.loc);
    this.typeReference(global.debugType);
    info.uleb(1 + ADDRESS_SIZE);
    info.u8(OP.addr);
    info.address(this.symbolOf(global));
  }

  // Types.

  private typeReference(type: DebugType): void {
    this.typeFixes.push({ at: this.info.length, type });
    this.info.u32(0);
    if (!this.typeOffsets.has(type)) {
      this.typeOffsets.set(type, 0);
      this.pendingTypes.push(type);
    }
  }

  private writeType(type: DebugType): void {
    const { info } = this;
    this.typeOffsets.set(type, info.length);
    switch (type.kind) {
      case 'base':
        info.uleb(ABBREVIATIONS.baseType);
        info.text(type.name);
        info.u8(ENCODING[type.encoding === 'char' ? 'unsignedChar' : type.encoding]);
        info.uleb(type.size);
        return;
      case 'pointer':
        info.uleb(type.to === undefined ? ABBREVIATIONS.voidPointer : ABBREVIATIONS.pointer);
        info.u8(ADDRESS_SIZE);
        if (type.to !== undefined) this.typeReference(type.to);
        return;
      case 'array':
        info.uleb(ABBREVIATIONS.array);
        this.typeReference(type.of);
        info.uleb(ABBREVIATIONS.subrange);
        info.uleb(type.count);
        info.uleb(0);
        return;
      case 'enum':
        info.uleb(ABBREVIATIONS.enumeration);
        info.text(type.name);
        info.uleb(type.size);
        for (const [name, value] of type.values) {
          info.uleb(ABBREVIATIONS.enumerator);
          info.text(name);
          info.sleb(value);
        }
        info.uleb(0);
        return;
      default:
        info.uleb(type.persistent ? ABBREVIATIONS.persistentStructure : ABBREVIATIONS.structure);
        info.text(type.name);
        info.uleb(type.size);
        if (type.persistent) info.u8(1);
        for (const member of type.members) {
          info.uleb(ABBREVIATIONS.member);
          info.text(member.name);
          this.typeReference(member.type);
          info.uleb(member.offset);
        }
        info.uleb(0);
    }
  }
}
