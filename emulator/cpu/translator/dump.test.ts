/** Does a dump show every guest instruction of a region beside WebAssembly that is complete? */
import { expect, it } from 'vitest';
import { MiB } from '../../addresses.ts';
import { BareMachine, DRAM_BASE } from '../bare-machine.ts';
import { encode } from '../isa/encode.ts';
import { idOf } from '../isa/table.ts';
import { Translator } from './translator.ts';

it('shows a loop: its instructions in order, its code with balanced blocks', () => {
  let translator: Translator | undefined;
  const machine = new BareMachine(MiB, {}, true, (memory) => {
    translator = new Translator(memory, { threshold: 1000 });
    return translator;
  });
  const words = [
    encode(idOf('ld'), 5, 2, 0, 16),
    encode(idOf('addw'), 6, 6, 5),
    encode(idOf('sd'), 0, 2, 6, 24),
    encode(idOf('jal'), 0, 0, 0, -12),
  ];
  machine.load(new Uint8Array(new Uint32Array(words).buffer));
  machine.setX(2, BigInt(DRAM_BASE + 0x1000));
  machine.run(100);
  const lines = translator!.dump(machine.hart, BigInt(DRAM_BASE))!;
  expect(lines[0]).toContain('4 instructions in 1 blocks');
  const left = lines.slice(1).map((line) => line.split('|')[0]!.trim());
  expect(left.filter((text) => text !== '')).toEqual([
    '80000000  ld t0,16(sp)',
    '80000004  addw t1,t1,t0',
    '80000008  sd t1,24(sp)',
    '8000000c  j 80000000',
  ]);
  const code = lines.slice(1).map((line) => line.split('| ')[1]!.trim());
  const opened = code.filter((text) => /^(block|loop|if)\b/.test(text)).length;
  expect(code.filter((text) => text === 'end').length).toBe(opened);
  expect(code.some((text) => text.startsWith('0x'))).toBe(false);
  expect(code).toContain('i32.add');
  expect(translator!.dump(machine.hart, 0x1234n)).toBeUndefined();
});
