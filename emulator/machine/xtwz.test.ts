/** Do programs see what docs/xtwz.md promises, in U-mode, on the engines themselves? */
import { describe, expect, it } from 'vitest';
import { Translator } from '../cpu/translator/translator.ts';
import { CAUSE, CFG, CSR, REASON, RIGHT, VIEW } from '../mmu/xtwz/layout.ts';
import type { MachineConfig } from './config.ts';
import { type LoggedTrap, SLOT, slotAddress, XtwzProgram } from './xtwz-program.ts';

const ENGINES: readonly (readonly [string, MachineConfig])[] = [
  ['interpreter', {}],
  // A low threshold, so that short loops are translated as well.
  ['translator', { engine: (memory) => new Translator(memory, { threshold: 4, batch: 1 }) }],
];

/** Fields of stwzinfo, §5. */
const info = (trap: LoggedTrap) => {
  const field = (h: number, l: number): number =>
    Number((trap.stwzinfo >> BigInt(l)) & ((1n << BigInt(h - l + 1)) - 1n));
  return {
    step: field(3, 0),
    access: field(5, 4),
    privilege: field(7, 6),
    missing: field(15, 8),
    requested: field(23, 16),
    granted: field(31, 24),
    reason: field(39, 32),
  };
};
const A0 = 10;
const A1 = 11;
const READ_WRITE = RIGHT.read | RIGHT.write;

describe.each(ENGINES)('Xtwz on the %s', (_name, config) => {
  it('runs a program from one object on the data of another', () => {
    const program = new XtwzProgram(
      `
        li   t0, ${slotAddress(SLOT.data)}
        li   t1, 100
        li   a0, 0
      1:
        sd   t1, 0(t0)
        ld   t2, 0(t0)
        add  a0, a0, t2
        addi t0, t0, 8
        addi t1, t1, -1
        bnez t1, 1b
        ecall
      `,
      config,
    );
    expect(program.run()).toEqual([]);
    expect(program.x(A0)).toBe(5050n);
    expect(program.machine.memory.read64(program.dataPage)).toBe(100n);
  });

  it('judges rights at each access: reading through a read-write entry works, then writing faults', () => {
    const program = new XtwzProgram(
      `
        li   t0, ${slotAddress(SLOT.data, 0x1010)}
        ld   a0, 0(t0)
        sd   a0, 8(t0)
        ld   a1, 8(t0)
        ecall
      `,
      config,
    );
    program.build.grant(program.context, program.data.id, RIGHT.read);
    program.machine.memory.write64(program.dataPage + 0x10, 77n);
    const traps = program.run();
    expect(traps).toHaveLength(1);
    expect(traps[0]).toMatchObject({
      scause: BigInt(CAUSE.rights),
      stval: slotAddress(SLOT.data, 0x1018),
      stwzid: program.data.id,
      stwzoff: 0x1018n,
      stwzdesc: BigInt(program.data.descriptor),
    });
    expect(info(traps[0]!)).toEqual({
      step: 3,
      access: 2,
      privilege: 0,
      missing: RIGHT.write,
      requested: READ_WRITE | RIGHT.exec,
      granted: RIGHT.read,
      reason: REASON.notGranted,
    });
    expect([program.x(A0), program.x(A1)]).toEqual([77n, 0n]);
  });

  it('maps an object by one store: no system call, no fence, no fault', () => {
    const entry = slotAddress(SLOT.view, VIEW.tableOffset + SLOT.first * VIEW.entryBytes);
    const program = new XtwzProgram(
      `
        li   t0, ${slotAddress(SLOT.first)}
        ld   a1, 0(t0)                  # not mapped yet: a VIEW fault
        li   t1, ${entry}
        li   t2, 0x123
        sd   t2, 0(t1)
        sd   zero, 8(t1)
        li   t2, ${VIEW.valid | RIGHT.read}
        sw   t2, 24(t1)
        ld   a0, 0(t0)
        ecall
      `,
      config,
    );
    const { build, context } = program;
    const object = build.object(0x123n);
    program.machine.memory.write64(build.populate(object, 1, 1), 4711n);
    build.grant(context, object.id, RIGHT.read);
    const traps = program.run();
    expect(traps.map((trap) => [trap.scause, info(trap).reason])).toEqual([
      [BigInt(CAUSE.view), REASON.entry],
    ]);
    expect(program.x(A0)).toBe(4711n);
  });

  it('unmaps from U-mode when the kernel lets it, and only then', () => {
    const entry = slotAddress(SLOT.view, VIEW.tableOffset + SLOT.data * VIEW.entryBytes);
    const source = `
        li   t0, ${slotAddress(SLOT.data)}
        ld   a0, 0(t0)
        li   t1, ${entry}
        sw   zero, 24(t1)
        xtwz.inval.view.g t0, zero
        ld   a1, 0(t0)
        ecall
      `;
    const allowed = new XtwzProgram(source, config);
    allowed.poke(CSR.stwzcfg, BigInt(CFG.userInvalidate));
    expect(allowed.run().map((trap) => [trap.scause, info(trap).reason])).toEqual([
      [BigInt(CAUSE.view), REASON.entry],
    ]);
    const refused = new XtwzProgram(source, config);
    // Without the right to invalidate the instruction is illegal, and the old translation may live on.
    expect(refused.run().map((trap) => trap.scause)).toEqual([2n]);
  });

  it('ends a reservation when translations are invalidated, and else keeps it', () => {
    const program = new XtwzProgram(
      `
        li   t0, ${slotAddress(SLOT.data)}
        li   t1, 5
        lr.d t2, (t0)
        sc.d a0, t1, (t0)                 # stores 5
        lr.d t2, (t0)
        xtwz.inval.view t0, zero
        sc.d a1, t1, (t0)                 # fails
        ecall
      `,
      config,
    );
    program.poke(CSR.stwzcfg, BigInt(CFG.userInvalidate));
    expect(program.run()).toEqual([]);
    expect([program.x(A0), program.x(A1)]).toEqual([0n, 1n]);
    expect(program.machine.memory.read64(program.dataPage)).toBe(5n);
  });

  it('faults on null, on foreign code, outside of all windows and in the supervisor window', () => {
    const program = new XtwzProgram(
      `
        ld   a0, 8(zero)
        li   t0, ${slotAddress(SLOT.data, 0xff8)}
        sd   a0, 0(t0)
        li   t0, ${slotAddress(SLOT.data)}
        jalr t0
        li   t0, 0x800000001000
        ld   a0, 0(t0)
        li   t0, 0xffff800080000000
        ld   a0, 0(t0)
        ecall
      `,
      config,
    );
    program.build.grant(program.context, program.data.id, READ_WRITE);
    const traps = program.run();
    expect(traps.map((trap) => [Number(trap.scause), info(trap).reason, info(trap).access])).toEqual([
      [CAUSE.null, REASON.nullPage, 1],
      [CAUSE.null, REASON.nullPage, 2],
      [CAUSE.rights, REASON.notGranted, 0],
      [CAUSE.address, REASON.hole, 1],
      [CAUSE.address, REASON.user, 1],
    ]);
    // A jump into an object without EXEC is seen at its target: where the kernel checks gates.
    expect([traps[2]!.stval, traps[2]!.sepc]).toEqual([slotAddress(SLOT.data), slotAddress(SLOT.data)]);
  });

  it('lets cache-block management through with READ alone, and says when that is missing', () => {
    const program = new XtwzProgram(
      `
        li   t0, ${slotAddress(SLOT.data)}
        cbo.clean (t0)
        cbo.zero (t0)
        li   t0, ${slotAddress(SLOT.code)}
        cbo.flush (t0)
        ecall
      `,
      config,
    );
    program.build.grant(program.context, program.data.id, RIGHT.read);
    program.build.grant(program.context, program.code.id, RIGHT.exec);
    expect(program.run().map((trap) => [info(trap).access, info(trap).missing])).toEqual([
      [2, RIGHT.write],
      [3, RIGHT.read],
    ]);
  });

  it('translates persistent pointers through the lookaside, and gives −1 for what is not in it', () => {
    // Pointers: null, local, FOT entry 5 (mapped in slot 9), FOT entry 6 (never filled).
    const source = `
        li   s0, ${slotAddress(SLOT.data, 0x2000)}
        li   t0, 0x10
        xtwz.pptr s1, s0, t0
        li   t0, 0x1238
        xtwz.pptr s2, s0, t0
        li   t0, ${(5n << 30n) | 0x1500n}
        xtwz.pptr s3, s0, t0
        li   t1, ${slotAddress(9)}
        xtwz.pfill s0, t0, t1
        xtwz.pptr s4, s0, t0
        li   t2, ${(6n << 30n) | 0x1500n}
        xtwz.pptr s5, s0, t2
        xtwz.pinval s0, t0
        xtwz.pptr s6, s0, t0
        ecall
      `;
    const miss = 2n ** 64n - 1n;
    const local = slotAddress(SLOT.data, 0x1238);
    const registers = [9, 18, 19, 20, 21, 22];
    const on = new XtwzProgram(source, config);
    on.poke(CSR.stwzcfg, BigInt(CFG.persistentPointers));
    expect(on.run()).toEqual([]);
    expect(registers.map((r) => on.x(r))).toEqual([0x10n, local, miss, slotAddress(9, 0x1500), miss, miss]);
    const off = new XtwzProgram(source, config);
    expect(off.run()).toEqual([]);
    expect(registers.map((r) => off.x(r))).toEqual([0x10n, local, miss, miss, miss, miss]);
  });

  it('answers the same in a hot loop, where the pointer changes from hit to miss and back', () => {
    const program = new XtwzProgram(
      `
        li   s0, ${slotAddress(SLOT.data, 0x2000)}
        li   t1, ${slotAddress(9)}
        li   s1, 0                      # hits
        li   s2, 0                      # misses
        li   s3, 3000
      1:
        andi t2, s3, 15
        slli t0, t2, 30
        addi t0, t0, 1024
        addi t0, t0, 1024
        addi t0, t0, 1024
        addi t0, t0, 1024               # FOT entry 0–15, offset 0x1000
        xtwz.pptr t3, s0, t0
        bltz t3, 2f
        addi s1, s1, 1
        andi t2, s3, 7
        bnez t2, 3f
        xtwz.pinval s0, t0
        j    3f
      2:
        addi s2, s2, 1
        xtwz.pfill s0, t0, t1
      3:
        addi s3, s3, -1
        bnez s3, 1b
        ecall
      `,
      config,
    );
    program.poke(CSR.stwzcfg, BigInt(CFG.persistentPointers));
    expect(program.run()).toEqual([]);
    // Index 0 is local: always a hit. Index 8 is filled and dropped by turns; the 14 others miss once.
    const visits = (index: number): number =>
      Array.from({ length: 3000 }, (_, i) => i + 1).filter((n) => n % 16 === index).length;
    const misses = 14 + Math.ceil(visits(8) / 2);
    expect([program.x(9), program.x(18)]).toEqual([BigInt(3000 - misses), BigInt(misses)]);
  });

  it('keeps one context from seeing the persistent pointers that another has filled', () => {
    const source = `
        li   s0, ${slotAddress(SLOT.data, 0x2000)}
        li   t0, ${(5n << 30n) | 0x1500n}
        xtwz.pptr a0, s0, t0
        li   t1, ${slotAddress(9)}
        xtwz.pfill s0, t0, t1
        xtwz.pptr a1, s0, t0
        ecall
      `;
    const program = new XtwzProgram(source, config);
    program.poke(CSR.stwzcfg, BigInt(CFG.persistentPointers));
    const other = program.build.context();
    program.build.grant(other, program.code.id, RIGHT.read | RIGHT.exec);
    const miss = 2n ** 64n - 1n;
    const again = (record: number): [bigint, bigint] => {
      program.poke(CSR.stwzctx, BigInt(record) | 1n);
      program.restart();
      expect(program.run()).toEqual([]);
      return [program.x(A0), program.x(A1)];
    };
    const hit = slotAddress(9, 0x1500);
    expect(again(program.context.record)).toEqual([miss, hit]);
    expect(again(program.context.record)).toEqual([hit, hit]);
    expect(again(other.record)).toEqual([miss, hit]);
    expect(again(other.record)).toEqual([hit, hit]);
  });
});
