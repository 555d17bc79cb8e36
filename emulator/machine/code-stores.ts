/**
 * Stores to pages that hold decoded or translated code. Data often lies in the same page as code, so at first only
 * what was made from the stored bytes is dropped, and the page stays slow; after a number of stores the whole page
 * is dropped, and stores to it are fast until code runs there again. A page where that keeps happening gets
 * more patience each time.
 */
import { PAGE_SIZE } from '../addresses.ts';
import type { Engine } from './engine.ts';
import type { PhysicalMemory } from './memory.ts';

/** Stores before the whole page is dropped, at first and at most. */
const PATIENCE = 8;
const MOST_PATIENCE = 4096;

export class CodeStores {
  private readonly engine: Engine;
  private readonly memory: PhysicalMemory;
  private readonly pages = new Map<number, { left: number; patience: number }>();

  constructor(engine: Engine, memory: PhysicalMemory) {
    this.engine = engine;
    this.memory = memory;
  }

  /** `length` bytes at `pa`, in code page `page`, are about to change. */
  store(page: number, pa: number, length: number): void {
    const { engine } = this;
    if (!engine.dropBytes || length > 64) {
      engine.dropPage(page);
      return;
    }
    let state = this.pages.get(page);
    if (state === undefined) {
      state = { left: PATIENCE, patience: PATIENCE };
      this.pages.set(page, state);
    }
    if (--state.left > 0) {
      engine.dropBytes(page, (pa - this.memory.addressOf(page)) % PAGE_SIZE, length);
      return;
    }
    state.patience = Math.min(state.patience * 2, MOST_PATIENCE);
    state.left = state.patience;
    engine.dropPage(page);
  }
}
