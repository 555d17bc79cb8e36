/** Do the constants in layout.ts say what the tables of docs/xtwz.md say? */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CAUSE, CONTEXT, CSR, DESCRIPTOR, OPCODE, REASON, RIGHT, VIEW } from './layout.ts';

const page = readFileSync(new URL('../../../docs/xtwz.md', import.meta.url), 'utf8');
/** Cells of every table row that begins with `first`, by pattern. */
const rows = (first: RegExp): string[][] =>
  page
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    )
    .filter((cells) => first.test(cells[0]!));

describe('the specification', () => {
  it('numbers the CSRs as the code does', () => {
    const documented: Record<string, number> = {};
    for (const [number, name] of rows(/^0x[5D7][0-9A-F]{2}$/))
      documented[name!.replaceAll('`', '')] = Number(number);
    // The M-level fault CSRs stand in one line, in the order of the S-level ones.
    const fault = ['idlo', 'idhi', 'off', 'info', 'desc'];
    const range = rows(/^0x7C8–0x7CC$/);
    expect(range).toHaveLength(1);
    for (const [i, name] of fault.entries()) documented[`mtwz${name}`] = 0x7c8 + i;
    expect(documented).toEqual(CSR);
  });

  it('numbers causes and reasons as the code does', () => {
    const causes = rows(/^(2[4-9]|3[01])$/).filter((cells) => /^[0-9–]+$/.test(cells[2]!));
    const names: Record<string, keyof typeof CAUSE> = {
      ADDRESS: 'address',
      NULL: 'null',
      VIEW: 'view',
      OBJECT: 'object',
      RIGHTS: 'rights',
      PAGE: 'page',
      COW: 'copyOnWrite',
      TABLE: 'table',
    };
    expect(causes.map(([number, name]) => [Number(number), CAUSE[names[name!]!]])).toEqual(
      Object.values(CAUSE).map((cause) => [cause, cause]),
    );
    // Two columns of reasons: number, name and explanation.
    const reasons = page.slice(page.indexOf('| reason | name |'), page.indexOf('`stwzidlo/hi`: the object'));
    const documented = [...reasons.matchAll(/\| (\d+) \| ([a-zA-Z0-9-]+)/g)].map((m) => [Number(m[1]), m[2]]);
    const abbreviations: Record<string, string> = {
      hole: 'hole',
      user: 'user',
      sum: 'sum',
      's-fetch': 'supervisorFetch',
      null: 'nullPage',
      'no-view': 'noView',
      'view-page': 'viewPage',
      entry: 'entry',
      'no-table': 'noTable',
      unknown: 'unknown',
      'not-ready': 'notReady',
      'not-requested': 'notRequested',
      'not-granted': 'notGranted',
      limit: 'limit',
      'absent-2M': 'absentLarge',
      'absent-4K': 'absent',
      cow: 'copyOnWrite',
      malformed: 'malformed',
    };
    const found = Object.fromEntries(
      documented.map(([number, name]) => [abbreviations[String(name)], number]),
    );
    expect(found).toEqual(REASON);
  });

  it('lists rights, record sizes and encodings as the code has them', () => {
    const rights = rows(/^[2-6]$/).filter((cells) => /^0x[0-9]+$/.test(cells[1]!));
    expect(rights.map(([bit, value]) => [1 << Number(bit), Number(value)])).toEqual(
      Object.values(RIGHT).map((value) => [value, value]),
    );
    expect(page).toContain(`entry \`slot\` is at\n\`0x00400000 + ${VIEW.entryBytes} · slot\``);
    expect(VIEW.tableOffset).toBe(0x40_0000);
    expect([DESCRIPTOR.bytes, CONTEXT.bytes]).toEqual([64, 64]);
    const funct7 = (mnemonic: string): number => {
      const row = rows(/^`xtwz/).find((cells) => cells[0]!.startsWith(`\`${mnemonic} `))!;
      return Number.parseInt(row[1]!, 2);
    };
    expect(funct7('xtwz.inval.view')).toBe(OPCODE.invalidate.view);
    expect(funct7('xtwz.inval.obj')).toBe(OPCODE.invalidate.object);
    expect(funct7('xtwz.inval.page')).toBe(OPCODE.invalidate.page);
    expect(funct7('xtwz.pptr')).toBe(OPCODE.pointer.translate);
    expect(funct7('xtwz.pinval')).toBe(OPCODE.pointer.invalidate);
    const load = rows(/^`xtwz/).find((cells) => cells[0]!.startsWith('`xtwz.pld '))!;
    expect(Number.parseInt(load[2]!, 2)).toBe(OPCODE.funct3.loadPointer);
  });
});
