/** Numbers of DWARF 5 (sections 7.5 to 7.7), and the abbreviations that dwarf.ts writes with. */
import type { DebugBuffer } from './debug-buffer.ts';

const TAG = {
  arrayType: 0x01,
  enumerationType: 0x04,
  formalParameter: 0x05,
  member: 0x0d,
  pointerType: 0x0f,
  compileUnit: 0x11,
  structureType: 0x13,
  subrangeType: 0x21,
  baseType: 0x24,
  enumerator: 0x28,
  subprogram: 0x2e,
  variable: 0x34,
} as const;

const AT = {
  location: 0x02,
  name: 0x03,
  byteSize: 0x0b,
  stmtList: 0x10,
  lowPc: 0x11,
  highPc: 0x12,
  language: 0x13,
  compDir: 0x1b,
  constValue: 0x1c,
  producer: 0x25,
  count: 0x37,
  dataMemberLocation: 0x38,
  declFile: 0x3a,
  declLine: 0x3b,
  encoding: 0x3e,
  external: 0x3f,
  frameBase: 0x40,
  type: 0x49,
  ranges: 0x55,
  linkageName: 0x6e,
  /** Ours, in the range for users: references in the structure are persistent pointers. The debugger reads it. */
  licoricePersistent: 0x2c01,
} as const;

const FORM = {
  addr: 0x01,
  data2: 0x05,
  data8: 0x07,
  string: 0x08,
  data1: 0x0b,
  flag: 0x0c,
  sdata: 0x0d,
  udata: 0x0f,
  ref4: 0x13,
  secOffset: 0x17,
  exprloc: 0x18,
} as const;

/** Operations of location expressions. */
export const OP = { addr: 0x03, reg0: 0x50, regx: 0x90, fbreg: 0x91, callFrameCfa: 0x9c } as const;

/** DW_LANG_C11. */
export const LANGUAGE_C11 = 0x1d;

type Attribute = readonly [number, number];

const place: readonly Attribute[] = [
  [AT.declFile, FORM.udata],
  [AT.declLine, FORM.udata],
];
const typed: Attribute = [AT.type, FORM.ref4];
const named: Attribute = [AT.name, FORM.string];
const sized: Attribute = [AT.byteSize, FORM.udata];

const functionHead: readonly Attribute[] = [
  named,
  [AT.linkageName, FORM.string],
  [AT.external, FORM.flag],
  ...place,
  [AT.lowPc, FORM.addr],
  [AT.highPc, FORM.data8],
  [AT.frameBase, FORM.exprloc],
];
const variableHead: readonly Attribute[] = [named, ...place, typed];

/** [name, tag, has children, attributes]; the code of an abbreviation is its position from 1. */
const table = [
  [
    'unit',
    TAG.compileUnit,
    true,
    [
      [AT.producer, FORM.string],
      [AT.language, FORM.data2],
      named,
      [AT.compDir, FORM.string],
      [AT.stmtList, FORM.secOffset],
      [AT.ranges, FORM.secOffset],
      [AT.lowPc, FORM.addr],
    ],
  ],
  ['function', TAG.subprogram, false, [...functionHead, typed]],
  ['functionParent', TAG.subprogram, true, [...functionHead, typed]],
  ['voidFunction', TAG.subprogram, false, functionHead],
  ['voidFunctionParent', TAG.subprogram, true, functionHead],
  ['parameter', TAG.formalParameter, false, [...variableHead, [AT.location, FORM.exprloc]]],
  ['variable', TAG.variable, false, [...variableHead, [AT.location, FORM.exprloc]]],
  ['parameterList', TAG.formalParameter, false, [...variableHead, [AT.location, FORM.secOffset]]],
  ['variableList', TAG.variable, false, [...variableHead, [AT.location, FORM.secOffset]]],
  ['parameterGone', TAG.formalParameter, false, variableHead],
  ['variableGone', TAG.variable, false, variableHead],
  [
    'global',
    TAG.variable,
    false,
    [
      named,
      [AT.linkageName, FORM.string],
      [AT.external, FORM.flag],
      ...place,
      typed,
      [AT.location, FORM.exprloc],
    ],
  ],
  ['baseType', TAG.baseType, false, [named, [AT.encoding, FORM.data1], sized]],
  ['pointer', TAG.pointerType, false, [[AT.byteSize, FORM.data1], typed]],
  ['voidPointer', TAG.pointerType, false, [[AT.byteSize, FORM.data1]]],
  ['array', TAG.arrayType, true, [typed]],
  ['subrange', TAG.subrangeType, false, [[AT.count, FORM.udata]]],
  ['enumeration', TAG.enumerationType, true, [named, sized]],
  ['enumerator', TAG.enumerator, false, [named, [AT.constValue, FORM.sdata]]],
  ['structure', TAG.structureType, true, [named, sized]],
  ['persistentStructure', TAG.structureType, true, [named, sized, [AT.licoricePersistent, FORM.flag]]],
  ['member', TAG.member, false, [named, typed, [AT.dataMemberLocation, FORM.udata]]],
] as const satisfies readonly (readonly [string, number, boolean, readonly Attribute[]])[];

export type AbbreviationName = (typeof table)[number][0];

/** Code of each abbreviation by name. */
export const ABBREVIATIONS = Object.fromEntries(table.map(([name], index) => [name, index + 1])) as Record<
  AbbreviationName,
  number
>;

export function writeAbbreviations(buffer: DebugBuffer): void {
  table.forEach(([, tag, hasChildren, attributes], index) => {
    buffer.uleb(index + 1);
    buffer.uleb(tag);
    buffer.u8(hasChildren ? 1 : 0);
    for (const [attribute, form] of attributes) {
      buffer.uleb(attribute);
      buffer.uleb(form);
    }
    buffer.u16(0);
  });
  buffer.u8(0);
}
