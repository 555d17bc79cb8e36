/** For tests: runs GNU as and objdump for RISC-V on snippets. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MARCH = 'rv64imafdc_zicsr_zifencei_zba_zbb_zbs_zicbom_zicboz_zicbop';
const PREFIX = 'riscv64-unknown-elf-';

/** Assembles text with GNU as and hands the object file to `use`. */
function withObject<T>(source: string, use: (object: string, folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'licorice-as-'));
  try {
    const object = join(folder, 'a.o');
    writeFileSync(join(folder, 'a.s'), source);
    execFileSync(`${PREFIX}as`, [`-march=${MARCH}`, '-mabi=lp64d', '-o', object, join(folder, 'a.s')], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return use(object, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The bytes of .text that GNU as makes of a source, linked to address 0. */
export function gnuAssemble(source: string): Uint8Array {
  return withObject(source, (object, folder) => {
    const [linked, raw] = [join(folder, 'a.elf'), join(folder, 'a.bin')];
    execFileSync(`${PREFIX}ld`, ['--no-relax', '-Ttext=0', '-e', '0', '-o', linked, object]);
    execFileSync(`${PREFIX}objcopy`, ['-O', 'binary', '-j', '.text', linked, raw]);
    return new Uint8Array(readFileSync(raw));
  });
}

/** What objdump prints for instruction words: [address, text] each, without symbols and comments. */
export function gnuDisassemble(
  instructions: readonly { word: number; length: number }[],
  options: readonly string[] = [],
): { address: bigint; text: string }[] {
  const source = instructions
    .map(({ word, length }) => `.insn ${length}, 0x${(word >>> 0).toString(16)}`)
    .join('\n');
  return withObject(`${source}\n`, (object) => {
    const args = ['-d', ...options.map((option) => `-M${option}`), object];
    const text = execFileSync(`${PREFIX}objdump`, args, { maxBuffer: 1 << 28 }).toString();
    return [...text.matchAll(/^ *([0-9a-f]+):\t[0-9a-f]+ *\t(.*)$/gm)].map((line) => ({
      address: BigInt(`0x${line[1]}`),
      text: line[2]!
        .replace(/\s*#.*$/, '')
        .replace(/ <.*>$/, '')
        .trim(),
    }));
  });
}
