/** The abbreviations that dwarf.ts writes entries with (DWARF 5, section 7.5.3). */
import { AT, FORM, TAG } from '../../dwarf/constants.ts';
import type { DebugBuffer } from './debug-buffer.ts';

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
const inlinedHead: readonly Attribute[] = [
  [AT.abstractOrigin, FORM.ref4],
  [AT.ranges, FORM.secOffset],
  [AT.callFile, FORM.udata],
  [AT.callLine, FORM.udata],
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
  [
    'abstractFunction',
    TAG.subprogram,
    false,
    [named, [AT.linkageName, FORM.string], ...place, [AT.inline, FORM.data1]],
  ],
  ['inlined', TAG.inlinedSubroutine, false, inlinedHead],
  ['inlinedParent', TAG.inlinedSubroutine, true, inlinedHead],
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
