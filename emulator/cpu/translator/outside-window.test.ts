/** Does a loop whose data lie outside of the direct window (an NVDIMM, say) soon run on translated code that uses the TLB? */
import { expect, test } from 'vitest';
import { MiB } from '../../addresses.ts';
import { Computer } from '../../boot/computer.ts';
import { MemoryMedia } from '../../nvdimm/media.ts';
import { assembleFlat } from '../isa/assembler/assembler.ts';
import { Translator } from './translator.ts';

const PROGRAM = `
  li s0, 0x100000000
  li s1, 20
outer:
  mv a0, s0
  li a1, 4096
inner:
  sd a1, 0(a0)
  sd a1, 8(a0)
  sd a1, 16(a0)
  addi a0, a0, 32
  addi a1, a1, -1
  bnez a1, inner
  addi s1, s1, -1
  bnez s1, outer
  li a0, 0x100000
  li a1, 0x5555
  sw a1, 0(a0)
`;

test('accesses that the window does not cover do not leave the region one by one', () => {
  let translator: Translator | undefined;
  const computer = new Computer({
    seed: 0,
    uartOutput: () => {},
    nvdimm: { media: new MemoryMedia(16 * MiB) },
    engine: (memory) => {
      translator = new Translator(memory);
      return translator;
    },
  });
  computer.boot({ kernel: { name: 'loop', bytes: assembleFlat(PROGRAM, 0x8000_0000n).bytes }, bare: true });
  expect(computer.machine.run({ instructions: 10_000_000 })).toMatchObject({ kind: 'exit', code: 0 });
  const [line] = translator!.statisticsLines().filter((text) => text.startsWith('region exits'));
  const splits = Number(/([\d,]+) split accesses/.exec(line ?? '')?.[1]?.replaceAll(',', ''));
  // 245,760 stores; a few leave before the region is made anew.
  expect(splits).toBeLessThan(200);
});
