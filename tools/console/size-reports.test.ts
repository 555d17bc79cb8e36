/** Is the guest told the size of the terminal when it asks and when it changes, and is everything else passed on? */
import { expect, test } from 'vitest';
import { SizeReports } from './size-reports.ts';

function rig(terminal: { rows?: number; columns?: number }) {
  let shown = '';
  let typed = '';
  const reports = new SizeReports(
    terminal,
    (byte) => {
      shown += String.fromCharCode(byte);
    },
    (bytes) => {
      typed += new TextDecoder().decode(bytes);
    },
  );
  const print = (text: string) => {
    for (const character of text) reports.put(character.charCodeAt(0));
  };
  return { reports, print, shown: () => shown, typed: () => typed };
}

test('requests are answered and not shown', () => {
  const terminal = { rows: 24, columns: 80 };
  const { reports, print, shown, typed } = rig(terminal);
  reports.resized();
  expect(typed()).toBe('');
  print('a\x1b[?2048hb');
  expect(typed()).toBe('\x1b[48;24;80;0;0t');
  terminal.rows = 50;
  reports.resized();
  expect(typed()).toBe('\x1b[48;24;80;0;0t\x1b[48;50;80;0;0t');
  print('\x1b[?2048lc');
  reports.resized();
  expect(typed()).toHaveLength('\x1b[48;24;80;0;0t'.length * 2);
  expect(shown()).toBe('abc');
});

test('other sequences pass, also those that begin alike', () => {
  const { print, shown, typed } = rig({ rows: 24, columns: 80 });
  const text = '\x1b[?2004h\x1b\x1b[31m\x1b[?2048x\x1b[?204\x1b[?2048\x1b[K';
  print(`${text}.`);
  expect(shown()).toBe(`${text}.`);
  expect(typed()).toBe('');
});

test('without a terminal there is no size', () => {
  const { print, shown, typed } = rig({});
  print('\x1b[?2048h.');
  expect(shown()).toBe('.');
  expect(typed()).toBe('');
});
