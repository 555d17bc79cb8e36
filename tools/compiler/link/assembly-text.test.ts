/** Does GNU as make of `licorice build -S` the code that `licorice build -c` writes? */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { R_RISCV } from '../../../emulator/elf/constants.ts';
import { describeWith, GCC } from '../../../test/oracles.ts';
import { type CompileOptions, compile, compileToAssembly } from '../compile.ts';
import { LoadedProgram } from '../testing/guest-unit.ts';
import { readObject } from './elf-object.ts';
import { LAYOUTS, linkExecutable } from './linker.ts';
import type { ObjectSection } from './object.ts';

const AS = 'riscv64-unknown-elf-as';
/** Relocations of branches and jumps. */
const LOCAL: ReadonlySet<number> = new Set([
  R_RISCV.BRANCH,
  R_RISCV.JAL,
  R_RISCV.RVC_BRANCH,
  R_RISCV.RVC_JUMP,
]);

describeWith([GCC], 'assembly text', () => {
  const folder = mkdtempSync(join(tmpdir(), 'licorice-assembly-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const assembleAndCompile = (
    file: string,
    options: CompileOptions,
  ): { text: string; assembled: Uint8Array; compiled: Uint8Array } => {
    const text = compileToAssembly(file, options);
    const compiled = compile(file, { ...options, relocatable: true });
    if (typeof text !== 'string' || !compiled.ok) throw new Error(`${file} does not compile`);
    writeFileSync(join(folder, 'a.s'), text);
    execFileSync(AS, ['-o', join(folder, 'a.o'), join(folder, 'a.s')]);
    return { text, assembled: readFileSync(join(folder, 'a.o')), compiled: compiled.elf };
  };

  /** Relocations; GNU as leaves branches within a function to the linker as well. */
  const placesOf = ({ relocs }: ObjectSection): number[][] =>
    relocs
      .filter(({ type, symbol }) => !(LOCAL.has(type) && symbol.name.startsWith('.L')))
      .filter(({ type }) => type !== R_RISCV.ALIGN)
      .map(({ offset, type }) => [offset, type]);

  /** Code and read-only data and what the linker is to fill in; GNU as pads sections to their alignment. */
  const sameBytes = (assembled: Uint8Array, compiled: Uint8Array): void => {
    const [ours, theirs] = [readObject(compiled, 'c'), readObject(assembled, 's')];
    for (const section of ours.sections.filter(({ name }) => /^\.(text|rodata)/.test(name))) {
      const { name, data, relocs } = section;
      const other = theirs.sections.find((candidate) => candidate.name === name)!;
      const [a, b] = [Buffer.from(data), Buffer.from(other.data)];
      // What stands in a place that the linker fills means nothing.
      for (const { offset } of relocs) for (const bytes of [a, b]) bytes.fill(0, offset, offset + 4);
      expect(b.subarray(0, a.length).equals(a), name).toBe(true);
      expect(b.length - a.length).toBeLessThan(8);
      expect(placesOf(other)).toEqual(placesOf(section));
    }
  };

  it.each([
    ['guest/programs/bench/rbtree.ts', true],
    ['guest/programs/bench/parser.ts', true],
    ['guest/programs/bench/parser.ts', false],
    ['guest/programs/bench/matrix.ts', true],
  ])('does %s (optimised: %s) come back byte by byte, and run alike?', (file, optimise) => {
    const { assembled, compiled } = assembleAndCompile(file, { target: 'bare', optimise });
    sameBytes(assembled, compiled);
    const [a, b] = [assembled, compiled].map(
      (bytes) =>
        new LoadedProgram(linkExecutable([readObject(bytes, file)], { ...LAYOUTS.bare, entry: 'run' })),
    );
    expect(a!.call('run', 1n)).toBe(b!.call('run', 1n));
    expect(a!.machine.instructions).toBe(b!.machine.instructions);
  });

  it('do a whole program, with its assembly, jump tables and instructions that GNU as does not know?', () => {
    const options = { target: 'program', optimise: true } as const;
    const { text, assembled, compiled } = assembleAndCompile('guest/programs/sh.ts', options);
    sameBytes(assembled, compiled);
    expect(text).toMatch(/\.insn 4, 0x[0-9a-f]{8}\t# xtwz\.pld|\.word 0x/);
  }, 300_000);

  it('does each line of the source stand above its instructions?', () => {
    const file = join(folder, 'lines.ts');
    writeFileSync(
      file,
      '/** @export */\nexport function f(a: u64, b: u64): u64 {\n  const product = a * b;\n  return product + 1;\n}\n',
    );
    const text = compileToAssembly(file, { target: 'bare', optimise: true }) as string;
    const lines = text
      .split('\n')
      .filter((line) => /^(#.*lines\.ts|f:|\t[a-z])/.test(line) && !/\t\./.test(line));
    const place = (needle: string): number => text.indexOf(needle);
    expect(place('f:')).toBeGreaterThan(0);
    expect(place('const product = a * b;')).toBeGreaterThan(place('f:'));
    expect(place('\tmul\ta5,a0,a1')).toBeGreaterThan(place('const product = a * b;'));
    expect(place('return product + 1;')).toBeGreaterThan(place('\tmul\ta5,a0,a1'));
    expect(lines.length).toBeGreaterThanOrEqual(5);
  });
});
