/** Does an explained translation show every entry with its address, bits and meaning, and say what is missing? */
import { describe, expect, it } from 'vitest';
import { Csr } from '../../emulator/cpu/csr-numbers.ts';
import { UserError } from '../../emulator/errors.ts';
import { explainAccess } from '../../emulator/machine/explain.ts';
import { openForReading, readState, saveState } from '../../emulator/machine/saved-state.ts';
import { xtwzExtension } from '../../emulator/machine/xtwz.ts';
import { SLOT, slotAddress, XtwzProgram } from '../../emulator/machine/xtwz-program.ts';
import { Access } from '../../emulator/mmu/translation.ts';
import { CONTEXT, CSR, DESCRIPTOR, HASH, RIGHT, VIEW } from '../../emulator/mmu/xtwz/layout.ts';
import { parseAddress } from '../commands/explain.ts';
import { explanationAsJson, formatExplanation } from './format.ts';

/** A state in which the program's data object may only be read, through a file and back. */
function savedProgram() {
  const program = new XtwzProgram('ecall');
  program.build.grant(program.context, program.data.id, RIGHT.read);
  const machine = openForReading(readState(saveState(program.machine), 'x.state'), 'x.state', [
    xtwzExtension(),
  ]);
  return { program, machine, core: machine.cores[0]! };
}

describe('an explained translation', () => {
  it('shows each step of a walk through the object space, from the saved tables', () => {
    const { program, machine, core } = savedProgram();
    const explained = explainAccess(machine, core, slotAddress(SLOT.data, 0x2345), Access.load, 0);
    expect(explained.pa).toBe(program.dataPage + 0x1345);
    expect(explained.steps.map((step) => step.what)).toEqual([
      'address',
      'view root',
      'view level 1',
      'view level 0',
      'view entry',
      'object table',
      'object entry',
      'descriptor root',
      'descriptor attributes',
      'context policy',
      'context table',
      'rights entry',
      'level 1',
      'level 0',
      'rights',
      'result',
    ]);
    const entry = explained.steps.find((step) => step.what === 'view entry')!;
    expect(entry.address).toBe(program.build.viewEntry(program.view, SLOT.data));
    expect(entry.raw).toBe(BigInt(VIEW.valid | RIGHT.read | RIGHT.write | RIGHT.exec));
    expect(entry.fields).toMatchObject({ id: program.data.id.toString(16).padStart(32, '0') });
    // Every raw word is what memory holds at the address shown (the view entry shows its flags).
    for (const step of explained.steps) {
      if (step.address === undefined || step.raw === undefined) continue;
      const at =
        step.what === 'view entry'
          ? step.address + VIEW.flags
          : step.what === 'object entry' || step.what === 'rights entry'
            ? step.address + 16
            : step.address;
      expect(program.machine.memory.read64(at), step.what).toBe(step.raw);
    }
    const text = formatExplanation(explained).join('\n');
    expect(text).toContain('requested read write exec, granted read, effective read');
    expect(text).toContain(`physical 0x${(program.dataPage + 0x1345).toString(16)}: DRAM + 0x`);
  });

  it('says which right is missing, and who withholds it', () => {
    const { machine, core } = savedProgram();
    const explained = explainAccess(machine, core, slotAddress(SLOT.data, 0x2345), Access.store, 0);
    expect(explained.cause).toBe(28);
    const lines = formatExplanation(explained);
    expect(lines.join('\n')).toContain("the store needs write: the context's entry does not grant it");
    expect(lines.at(-1)).toBe('exception 28: Xtwz rights fault');
    expect(JSON.parse(explanationAsJson(explained))).toMatchObject({
      access: 'store',
      cause: 28,
      mode: 'Xtwz',
    });
  });

  it('says what is missing at each step before', () => {
    const { machine, core } = savedProgram();
    const last = (va: bigint): string =>
      explainAccess(machine, core, va, Access.load, 0).steps.at(-1)!.verdict;
    expect(last(0x10n)).toContain('null dereference');
    expect(last(slotAddress(77))).toContain('nothing is mapped in this slot');
    expect(last(slotAddress(5000))).toContain("the page of the view's table is absent");
    expect(last(slotAddress(SLOT.data, 0x80_0000))).toContain('the page is absent: level-1 entry V = 0');
    expect(last(0xffff_8000_8000_0000n)).toContain('not for U-mode');
    expect(last(1n << 50n)).toContain('in no window');
  });

  it('shows a search that found nothing, whether the walk goes on or ends there', () => {
    const { program } = savedProgram();
    const { build, machine, core } = program;
    // A context without an entry for the object, whose defaults give what is needed.
    const attributes = program.data.descriptor + DESCRIPTOR.attributes;
    build.store(attributes, BigInt(RIGHT.read));
    const context = build.context(BigInt(CONTEXT.useDefaults));
    program.poke(CSR.stwzctx, BigInt(context.record) | 1n);
    const verdictOf = (what: string, access: Access): string | undefined =>
      explainAccess(machine, core, slotAddress(SLOT.data), access, 0).steps.find((step) => step.what === what)
        ?.verdict;
    expect(verdictOf('rights entry', Access.load)).toContain('no entry');
    expect(verdictOf('result', Access.load)).toContain('physical');
    expect(verdictOf('rights entry', Access.store)).toContain('no entry');
    expect(verdictOf('result', Access.store)).toContain('its defaults do not give it');
    build.store(build.find(build.objects, program.data.id) + HASH.value, 0n);
    expect(verdictOf('object entry', Access.load)).toContain('no entry');
    expect(verdictOf('result', Access.load)).toContain('not in the object table');
  });

  it('leaves the state as it was', () => {
    const { machine, core } = savedProgram();
    const before = machine.hash();
    for (const access of [Access.fetch, Access.load, Access.store])
      explainAccess(machine, core, slotAddress(SLOT.data), access, 0);
    expect(machine.hash()).toBe(before);
  });

  it('explains Sv39, Sv48 and Sv57 as well', () => {
    const { program } = savedProgram();
    const { build, core, machine } = program;
    for (const [mode, levels, name] of [
      [8n, 3, 'Sv39'],
      [9n, 4, 'Sv48'],
      [10n, 5, 'Sv57'],
    ] as const) {
      const tables = Array.from({ length: levels }, () => build.pages(1));
      for (let i = 0; i + 1 < levels; i++)
        build.store(tables[i]!, (BigInt(tables[i + 1]! / 4096) << 10n) | 1n);
      build.store(tables[levels - 1]! + 8, (BigInt(program.dataPage / 4096) << 10n) | 0xd7n);
      program.poke(Csr.satp, (mode << 60n) | BigInt(tables[0]! / 4096));
      const good = explainAccess(machine, core, 0x1678n, Access.load, 0);
      expect(good).toMatchObject({ mode: name, pa: program.dataPage + 0x678 });
      expect(good.steps.filter((step) => step.what.startsWith(name))).toHaveLength(levels);
      const bad = explainAccess(machine, core, 0x2678n, Access.store, 0);
      expect(bad.cause).toBe(15);
      expect(formatExplanation(bad).join('\n')).toContain('fault: V = 0');
    }
  });

  it('reads addresses as people write them', () => {
    expect(parseAddress('0x4000_1000', 5n)).toBe(0x4000_1000n);
    expect(parseAddress('2:0x1000', 5n)).toBe(0x8000_1000n);
    expect(parseAddress('pc', 5n)).toBe(5n);
    expect(() => parseAddress('there', 5n)).toThrow(UserError);
  });
});
