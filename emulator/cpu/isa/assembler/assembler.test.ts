/** Does the assembler produce the bytes of GNU as, and clear errors where it cannot? */
import { describe, expect, it } from 'vitest';
import { describeWith, GCC } from '../../../../test/oracles.ts';
import { disassemble } from '../disassembler.ts';
import { encode } from '../encode.ts';
import { gnuAssemble } from '../gnu.ts';
import { randomFields } from '../random-operands.ts';
import { ROWS } from '../table.ts';
import { assemble, assembleFlat } from './assembler.ts';

const SEEDS = Number(process.env['LICORICE_TEST_SCALE'] ?? 1) * 20;

function text(source: string, compress = true): Uint8Array {
  const { bytes } = assembleFlat(source, 0n, { compress });
  return bytes;
}

const PROGRAM = `
# A little of everything.
        .globl  start
        .equ    SIZE, 8 * (2 + 3)
HALF = SIZE / 2
start:  la      a0, table          // of the same section
        li      a1, 0x123456789abcdef0
        li      t0, -1
        li      t1, 0x7fffffff
        li      t2, SIZE << 1
        li      t2, HALF
1:      lbu     t3, 0(a0)
        addi    a0, a0, 1; add a2, a2, t3
        bnez    t3, 1b
        beq     a1, a2, 2f
        bgt     a1, a2, 2f
        call    function
        tail    function
2:      lw      a3, table + 4
        sw      a3, table, t0
        amoadd.w.aqrl a4, a5, (a0)
        lr.d.aq a4, (a0)
        csrr    a5, mstatus
        csrrwi  zero, 0x300, 8
        csrw    satp, a0
        fence   rw, w
        fence
        fcvt.w.d a0, fa0, rtz
        fmadd.d fa0, fa1, fa2, fa3
        fmadd.d fa0, fa1, fa2, fa3, rup
        jalr    a0
        jalr    t0, 16(a0)
        jr      t0
        ret
        .balign 8
function: mv    a0, a1
        not     a0, a0
        sext.w  a1, a0
        fmv.d   fa0, fa1
        sfence.vma
        sfence.vma a0, a1
        wfi; mret; ecall; ebreak
        addi    sp, sp, -64
        sd      ra, 56(sp)
        ret
        .align  3
table:  .dword  0x1122334455667788, 7
        .word   -1, function - start
        .half   0xffff
        .byte   'a', '\\n', 1 + 2 * 3
        .asciz  "text # no comment \\"\\x41\\101\\n"
        .p2align 2
        .zero   5
        .space  3, 0xff
`;

describeWith([GCC], 'assembler against GNU as', () => {
  it('encodes every row with random operands alike, with and without compression', () => {
    const lines: string[] = [];
    for (const [id, row] of ROWS.entries()) {
      if (row.extension === 'Xtwz' || row.operands.includes('target')) continue;
      for (let seed = 0; seed < SEEDS; seed++) {
        const f = randomFields(id, seed);
        if (row.operands.includes('rm0')) f.rm = 0;
        // Empty sets have no text in GNU as.
        if (row.immediate === 'fence') f.imm = (f.imm & 0xff) | 0x11;
        const word = encode(id, f.rd, f.rs1, f.rs2, f.imm, f.rs3, f.rm);
        for (const aliases of [true, false]) lines.push(disassemble(word, 0n, { aliases }));
      }
    }
    for (const compress of [false, true]) {
      const options = `.option ${compress ? 'rvc' : 'norvc'}\n`;
      const theirs = gnuAssemble(`${options}${lines.join('\n')}\n`);
      let at = 0;
      for (const line of lines) {
        const ours = text(line, compress);
        const same = theirs.subarray(at, at + ours.length);
        expect(Buffer.from(ours).toString('hex'), line).toBe(Buffer.from(same).toString('hex'));
        at += ours.length;
      }
      expect(at).toBe(theirs.length);
    }
  });

  it('lays out a program alike', () => {
    const theirs = gnuAssemble(`.option norelax\n.option norvc\n${PROGRAM.replace(/\/\/.*/, '')}`);
    const ours = text(PROGRAM, false);
    expect(Buffer.from(ours).toString('hex')).toBe(
      Buffer.from(theirs.subarray(0, ours.length)).toString('hex'),
    );
    // Theirs is padded to the alignment of the section.
    expect(theirs.length).toBe(Math.ceil(ours.length / 8) * 8);
  });
});

describe('assembler', () => {
  it('leaves relocations to symbols that it does not know, and between sections', () => {
    const object = assemble(`
      call outside
      la a0, message
      lui a1, %hi(outside)
      lw a1, %lo(outside)(a1)
      .data
      message: .dword outside + 8`);
    expect(object.relocations.map((r) => `${r.section} ${r.offset} ${r.type}`)).toEqual([
      '.text 0 R_RISCV_CALL_PLT',
      '.text 8 R_RISCV_PCREL_HI20',
      '.text 12 R_RISCV_PCREL_LO12_I',
      '.text 16 R_RISCV_HI20',
      '.text 20 R_RISCV_LO12_I',
      '.data 0 R_RISCV_64',
    ]);
  });

  it('places sections and symbols of a flat program', () => {
    const flat = assembleFlat('la a0, x\n.data\n.balign 16\nx: .dword x', 0x8000_0000n);
    expect(flat.symbols.get('x')).toBe(0x8000_0010n);
    expect(new DataView(flat.bytes.buffer).getBigUint64(16, true)).toBe(0x8000_0010n);
    expect(disassemble(new DataView(flat.bytes.buffer).getUint32(4, true))).toBe('addi\ta0,a0,16');
  });

  it.each([
    ['addi a0, a1, 2048', 'x.s:1: addi: 2048 is not in -2048…2047'],
    ['nonsense a0', 'x.s:1: there is no instruction "nonsense"'],
    ['add a0, a1', 'x.s:1: add does not take the operands "a0, a1"'],
    ['\n.word zz - yy', 'x.s:2: this value cannot be known before linking'],
    ['a: nop\na: nop', 'x.s:2: a is defined twice'],
    ['.bogus 1', 'x.s:1: there is no directive ".bogus"'],
    ['.byte 256', 'x.s:1: 256 does not fit 1 byte'],
    ['beqz a0, far\n.zero 8192\nfar:', 'x.s:1: far is out of reach (8196 bytes away)'],
    ['c.addi a0, 99', 'x.s:1: c.addi: operands do not fit'],
    ['li a0, 1 +', 'x.s:1: cannot read the expression "1 +"'],
  ])('says what is wrong with %j', (source, message) => {
    expect(() => assembleFlat(source, 0n, { file: 'x.s' })).toThrow(message);
  });
});
