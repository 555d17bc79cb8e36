/** Do the guest's own constants and structs say what the hardware's layout (emulator/mmu/xtwz/layout.ts) says? */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  ADDRESS,
  ALL_RIGHTS,
  CAUSE,
  CSR,
  FIXED,
  HASH,
  REASON,
  RIGHT,
  VALID,
  VIEW,
  XTWZ_SATP_MODE,
} from '../emulator/mmu/xtwz/layout.ts';

/** Exported numeric constants of a guest file, by name. */
function constants(path: string): Map<string, bigint> {
  const text = readFileSync(new URL(`../guest/${path}`, import.meta.url), 'utf8');
  const found = new Map<string, bigint>();
  for (const [, name, value] of text.matchAll(
    /^(?:export )?const (\w+)(?:: \w+)? = (0x[\da-f_]+|[\d_]+);/gim,
  ))
    found.set(name!, BigInt(value!.replaceAll('_', '')));
  return found;
}

/** Compares every constant that the guest has under one of these names; at least `least` must be there. */
function compare(path: string, wanted: Readonly<Record<string, number | bigint>>, least: number): void {
  const found = constants(path);
  let seen = 0;
  for (const [name, value] of Object.entries(wanted)) {
    const guest = found.get(name);
    if (guest === undefined) continue;
    seen++;
    expect(guest, `${name} in guest/${path}`).toBe(BigInt(value));
  }
  expect(seen, `constants of guest/${path} that were compared`).toBeGreaterThanOrEqual(least);
}

describe('the guest', () => {
  it('has the CSR numbers, causes and reasons of the specification', () => {
    compare(
      'kernel/arch.ts',
      {
        KERNEL_BASE: ADDRESS.supervisorBase,
        SATP_XTWZ: BigInt(XTWZ_SATP_MODE) << 60n,
        CAUSE_ADDRESS: CAUSE.address,
        CAUSE_NULL: CAUSE.null,
        CAUSE_VIEW: CAUSE.view,
        CAUSE_OBJECT: CAUSE.object,
        CAUSE_RIGHTS: CAUSE.rights,
        CAUSE_PAGE: CAUSE.page,
        CAUSE_COW: CAUSE.copyOnWrite,
        CAUSE_TABLE: CAUSE.table,
        REASON_NO_VIEW: REASON.noView,
        REASON_VIEW_PAGE: REASON.viewPage,
        REASON_ENTRY: REASON.entry,
        REASON_UNKNOWN: REASON.unknown,
        REASON_NOT_READY: REASON.notReady,
        REASON_NOT_REQUESTED: REASON.notRequested,
        REASON_NOT_GRANTED: REASON.notGranted,
        REASON_LIMIT: REASON.limit,
        CSR_VIEW: CSR.stwzview,
        CSR_CONTEXT: CSR.stwzctx,
        CSR_FIXED: CSR.stwzfix,
        CSR_CONFIG: CSR.stwzcfg,
        CSR_FAULT_ID_LO: CSR.stwzidlo,
        CSR_FAULT_ID_HI: CSR.stwzidhi,
        CSR_FAULT_OFFSET: CSR.stwzoff,
        CSR_FAULT_INFO: CSR.stwzinfo,
        CSR_FAULT_DESCRIPTOR: CSR.stwzdesc,
        TWZ_VALID: VALID,
      },
      25,
    );
  });

  it('has the rights and the shape of an object', () => {
    compare(
      'abi/object.ts',
      {
        READ: RIGHT.read,
        WRITE: RIGHT.write,
        EXEC: RIGHT.exec,
        USE: RIGHT.use,
        DELETE: RIGHT.delete,
        ALL_RIGHTS,
        OBJ_SHIFT: ADDRESS.offsetBits,
        OBJ_MAXSIZE: 2 ** ADDRESS.offsetBits,
        OBJ_NULLPAGE: ADDRESS.nullBytes,
      },
      9,
    );
  });

  it('has the formats of views and hashed tables', () => {
    compare(
      'abi/view.ts',
      {
        VE_VALID: VIEW.valid,
        VE_FIXED: VIEW.fixed,
        VIEW_TABLE: VIEW.tableOffset,
        VIEW_SLOTS: ADDRESS.slots,
        SLOT_THREAD: FIXED.firstLow,
        SLOT_VIEW: FIXED.firstHigh,
        FIXED_SLOTS: FIXED.entries,
      },
      6,
    );
    compare(
      'kernel/table.ts',
      {
        ENTRY_SIZE: HASH.entryBytes,
        BUCKET_SIZE: HASH.bucketBytes,
        BUCKET_ENTRIES: HASH.bucketEntries,
        VALID,
      },
      3,
    );
  });
});
