/**
 * What the panes show, as styled lines, from a session: no terminal is involved, so that tests can look at them and screens
 * are the same everywhere.
 */
import { PRIVILEGE_LETTER } from '../../../emulator/cpu/causes.ts';
import { X_NAMES } from '../../../emulator/cpu/isa/registers.ts';
import { UserError } from '../../../emulator/errors.ts';
import { pendingAccess } from '../access.ts';
import type { MemoryPlace } from '../address-space.ts';
import type { Frame } from '../backtrace.ts';
import type { Session } from '../commands/command.ts';
import { frameText, hartLines, hex, instructionText, memoryLines, threadLines } from '../describe.ts';
import { formatFailure, formatPersistence, persistenceOf } from '../persistence.ts';
import { type Translatable, type Translation, translate, translateAddress } from '../translation.ts';
import type { PaneName } from './layout.ts';
import { type Line, part, plain, type Segment, type Style, styled, wrap } from './text.ts';

/** What the panes depend on besides the session. */
export interface View {
  /** Registers and CSRs at the stop before: what differs is shown. */
  readonly previous: ReadonlyMap<string, bigint>;
  /** Instructions instead of source lines. */
  readonly disassembly: boolean;
  /** The line of the source pane that the cursor is on; undefined: where the guest stands. */
  readonly cursorLine: number | undefined;
  /** What the translation pane is about; undefined: the access of the next instruction. */
  readonly translated: Translatable | undefined;
  /** Steps of the walk that are shown; undefined: all. */
  readonly walked: number | undefined;
  /** What the persistence pane is about; undefined: all that a power failure could change. */
  readonly persisted:
    | { readonly place: MemoryPlace; readonly length: number; readonly text: string }
    | undefined;
  /** What the memory pane shows. */
  readonly memory: MemoryPlace | undefined;
  /** The nibble under the cursor of the memory pane, when it is focused. */
  readonly nibble: number | undefined;
}

type Render = (session: Session, view: View, width: number, height: number) => Line[];

/** CSRs that are always shown; others when they change. */
const SHOWN_CSRS = ['sstatus', 'sepc', 'scause', 'stval', 'satp', 'stwzview', 'stwzctx', 'stwzfix'] as const;

/** Registers and CSRs by name, for the next stop to compare with. */
export function registerValues({ debugged }: Session): Map<string, bigint> {
  const { core, machine } = debugged;
  const values = new Map<string, bigint>([['pc', core.hart.pc]]);
  for (let i = 1; i < 32; i++) values.set(X_NAMES[i]!, core.hart.getX(i));
  for (const row of machine.csrs.rows)
    values.set(`$${row.name}`, machine.csrs.peek(core.hart, row.number) ?? 0n);
  return values;
}

/** Counters change at every stop: they are no news. */
const COUNTERS = /^\$(m?cycle|m?instret|time|mhpm|hpm)/;

const registers: Render = ({ debugged }, { previous }, width) => {
  const { frame, machine, core } = debugged;
  const row = (name: string, value: bigint | undefined, changed: boolean): Segment[] => [
    part(name.padEnd(9), 'dim'),
    part(value === undefined ? '?' : hex(value, 16), changed ? 'yellow' : 'plain'),
  ];
  const cells: Segment[][] = [];
  const differs = (name: string, value: bigint | undefined): boolean =>
    frame.level === 0 && previous.has(name) && previous.get(name) !== value;
  cells.push(row('pc', frame.pc, differs('pc', frame.pc)));
  for (let i = 1; i < 32; i++)
    cells.push(row(X_NAMES[i]!, frame.registers[i], differs(X_NAMES[i]!, frame.registers[i])));
  for (const { name, number } of machine.csrs.rows) {
    const value = machine.csrs.peek(core.hart, number) ?? 0n;
    const changed = differs(`$${name}`, value) && !COUNTERS.test(`$${name}`);
    const always = (SHOWN_CSRS as readonly string[]).includes(name);
    if (always || changed) cells.push(row(name, value, changed));
  }
  // Two columns where there is room.
  if (width < 56) return cells;
  const half = Math.ceil(cells.length / 2);
  return cells.slice(0, half).map((left, i) => [...left, part('  '), ...(cells[half + i] ?? [])]);
};

/** Lines of the source file that the guest stands in, with those that have stop points. */
function sourceLines(
  session: Session,
  frame: Frame,
  cursor: number | undefined,
  height: number,
): Line[] | undefined {
  const { debugged, sources } = session;
  if (frame.source === undefined) return undefined;
  const text = sources.lines(frame.source.file);
  if (text === undefined) return undefined;
  const { file, line } = frame.source;
  const stops = stopLinesOf(session, file);
  const middle = cursor ?? line;
  const first = Math.max(Math.min(middle - Math.floor(height / 2), text.length - height + 1), 1);
  return text.slice(first - 1, first - 1 + height).map((content, i): Line => {
    const number = first + i;
    const isHere = number === line;
    const style: Style = isHere ? 'current' : number === cursor ? 'inverse' : 'plain';
    const mark = stops.has(number) ? '●' : ' ';
    const arrow = isHere ? (debugged.frameLevel === 0 ? '▶' : '▷') : ' ';
    return [
      part(mark, 'red'),
      part(`${arrow}${String(number).padStart(4)} `, isHere ? 'bold' : 'dim'),
      part(content, style),
    ];
  });
}

/** Lines of a file with breakpoints. */
export function stopLinesOf({ debugged }: Session, file: string): Set<number> {
  const lines = new Set<number>();
  for (const { what } of debugged.points.all) {
    if (what.kind !== 'code') continue;
    for (const { va, program } of what.spots) {
      const row = program?.lineAt(va);
      if (row?.file === file) lines.add(row.line);
    }
  }
  return lines;
}

/** Instructions around a frame's pc. */
function instructionLines({ debugged }: Session, frame: Frame, height: number): Line[] {
  const { code, space, pc } = frame;
  const symbol = code?.program.symbolAt(code.address);
  let at = symbol && code ? symbol.address + code.bias : pc;
  const addresses: bigint[] = [];
  // From the beginning of the function: only so the borders of instructions are certain.
  for (let i = 0; at < pc && i < 20_000; i++) {
    addresses.push(at);
    at += BigInt(instructionText(debugged, space, at).length);
  }
  const before = addresses.slice(-Math.floor(height / 3));
  const lines: Line[] = [];
  const show = (address: bigint): number => {
    const { text, length } = instructionText(debugged, space, address);
    const isHere = address === pc;
    const name = debugged.describe(address, space) ?? '';
    const short = name.slice(name.indexOf('!') + 1);
    lines.push([
      part(isHere ? ' ▶' : '  ', 'bold'),
      part(`${hex(address)} `, 'dim'),
      part(text.padEnd(28), isHere ? 'current' : 'plain'),
      part(` ${short}`, 'dim'),
    ]);
    return length;
  };
  for (const address of before) show(address);
  let next = pc;
  while (lines.length < height) next += BigInt(show(next));
  return lines;
}

const source: Render = (session, { disassembly, cursorLine }, _width, height) => {
  const { frame } = session.debugged;
  if (disassembly) return instructionLines(session, frame, height);
  const below = height >= 9 ? Math.max(Math.floor(height / 3), 3) : 0;
  const text = sourceLines(session, frame, cursorLine, height - below);
  if (text === undefined) return instructionLines(session, frame, height);
  if (below === 0) return text;
  while (text.length < height - below) text.push(plain(''));
  return [...text, ...instructionLines(session, frame, below)];
};

const stack: Render = ({ debugged }) =>
  debugged.frames.map((frame): Line => {
    const text = frameText(debugged, frame)
      .replace(/ 0x[0-9a-f]+/, '')
      .replace(/ at [^ ]*\//, ' ');
    return styled(
      text,
      frame.level === debugged.frameLevel ? 'current' : frame.kind === 'trap' ? 'cyan' : 'plain',
    );
  });

/** The translation that the pane shows. */
export function shownTranslation({ debugged }: Session, translated: Translatable | undefined): Translation {
  if (translated !== undefined) return translate(debugged, translated);
  const own = pendingAccess(debugged.frame);
  return own === undefined
    ? translateAddress(debugged, debugged.frame.pc, 'fetch')
    : translateAddress(debugged, own.va, own.access);
}

const translation: Render = (session, { translated, walked }, width) => {
  const { title, steps } = shownTranslation(session, translated);
  const lines: Line[] = [styled(translated === undefined ? title : `${translated.text}: ${title}`, 'bold')];
  const shown = walked === undefined ? steps : steps.slice(0, walked);
  shown.forEach(({ what, raw, decoded, verdict, failed }, i) => {
    const isLast = walked !== undefined && i === shown.length - 1;
    const style: Style = failed ? 'red' : isLast ? 'yellow' : 'plain';
    const head = `${failed ? '✗' : isLast ? '▶' : ' '} ${what.padEnd(14)} `;
    for (const [j, text] of wrap(raw === undefined ? `→ ${verdict}` : raw, width - head.length, 0).entries())
      lines.push([
        part(j === 0 ? head : ' '.repeat(head.length), failed ? 'red' : 'cyan'),
        part(text, style),
      ]);
    const indent = ' '.repeat(head.length);
    if (decoded !== undefined)
      for (const text of wrap(decoded, width - head.length))
        lines.push([part(indent), part(text, failed ? 'red' : 'dim')]);
    if (raw !== undefined)
      for (const text of wrap(`→ ${verdict}`, width - head.length, 2))
        lines.push([part(indent), part(text, style)]);
  });
  if (walked !== undefined && walked < steps.length)
    lines.push(styled(`  … ${steps.length - walked} more: t`, 'dim'));
  return lines;
};

const STATE_STYLE: Readonly<Record<string, Style>> = {
  dirty: 'red',
  'written-back': 'yellow',
  persistent: 'green',
};

const persistence: Render = ({ debugged }, { persisted }, width) => {
  const text =
    persisted === undefined
      ? formatFailure(debugged)
      : [persisted.text, ...formatPersistence(persistenceOf(debugged, persisted.place, persisted.length))];
  return text.flatMap((one, i) =>
    wrap(one, width, 4).map((line): Line => {
      const state = /\b(dirty|written-back|persistent)\b/.exec(line)?.[1];
      const style: Style =
        i === 0 ? 'bold' : state ? STATE_STYLE[state]! : line.startsWith('    ') ? 'dim' : 'plain';
      return styled(line, style);
    }),
  );
};

/** Bytes on a line of the memory pane: what can be seen, and edited. */
export const bytesPerLine = (width: number): 8 | 16 => (width >= 68 ? 16 : 8);

const memory: Render = ({ debugged }, { memory: place, nibble }, width, height) => {
  if (place === undefined) return [styled('x EXPRESSION shows memory here', 'dim')];
  const perLine = bytesPerLine(width);
  const lines = memoryLines(debugged.frame.space, place, perLine * Math.max(height, 1), perLine);
  return lines.map((text, row): Line => {
    const start = text.indexOf('  ') + 2;
    if (nibble === undefined || Math.floor(nibble / (2 * perLine)) !== row)
      return plain(text.slice(0, width));
    const byte = Math.floor((nibble % (2 * perLine)) / 2);
    const column = start + byte * 3 + (byte >= 8 ? 1 : 0) + (nibble % 2);
    return [part(text.slice(0, column)), part(text[column] ?? ' ', 'inverse'), part(text.slice(column + 1))];
  });
};

const threads: Render = ({ debugged }) => [
  ...hartLines(debugged).map((text) => styled(text, text.startsWith('*') ? 'bold' : 'plain')),
  ...threadLines(debugged).map(plain),
];

/** Sequences by which the guest moves the cursor or colours text. */
const ESCAPES = new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[A-Za-z]`, 'g');

const console: Render = (session, _view, width, height) => {
  const all = session.console.text.replace(ESCAPES, '').replaceAll('\r', '').split('\n');
  const wrapped = all.slice(-4 * height).flatMap((line) => {
    const pieces: string[] = [];
    for (let at = 0; at === 0 || at < line.length; at += width) pieces.push(line.slice(at, at + width));
    return pieces;
  });
  return wrapped.slice(-height).map(plain);
};

const RENDER: Readonly<Record<PaneName, Render>> = {
  source,
  registers,
  stack,
  translation,
  persistence,
  memory,
  threads,
  console,
};

/** The lines of a pane; what cannot be shown says why. More than `height` may come: the pane scrolls. */
export function renderPane(
  name: PaneName,
  session: Session,
  view: View,
  width: number,
  height: number,
): Line[] {
  try {
    return RENDER[name](session, view, width, height);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return wrap(error.message, width).map((text) => styled(text, 'dim'));
  }
}

/** The first line of the screen: where the guest stands. */
export function titleLine({ debugged }: Session, state: string): Line {
  const { core, time, frame } = debugged;
  const where = frame.source ? ` ${frame.source.file.split('/').pop()}:${frame.source.line}` : '';
  const program = frame.code ? `${frame.code.program.name}!` : '';
  const at = `${time.now}${time.now < time.end ? `/${time.end}` : ''}`;
  return [
    part(
      ` licorice  ${at}  hart ${core.hart.index} ${PRIVILEGE_LETTER[core.hart.privilege]}  ${program}${frame.name}${where}  ${state}`,
      'header',
    ),
  ];
}
