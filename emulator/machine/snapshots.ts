/**
 * Copy-on-write snapshots of memory. Taking one copies the pages that changed since the last; restoring one copies
 * back the pages that differ. Snapshots form a tree: any may be restored at any time, and running on from it makes a
 * branch.
 *
 * Between snapshots every unmodified page carries `PageFlag.clean`; the first store to it clears the flag and notes
 * the page. A page that was never stored to since the first snapshot is in no tree: its contents are still in
 * memory. When it is stored to for the first time they are saved in `originals`, which all snapshots share.
 */
import { PAGE_SIZE } from '../addresses.ts';
import { PageFlag } from '../cpu/state.ts';
import type { PhysicalMemory } from './memory.ts';
import { EMPTY_TREE, forEachDifference, getPage, type PageTree, withPages } from './page-tree.ts';

/** The memory part of a snapshot. Immutable. */
export interface MemorySnapshot {
  readonly tree: PageTree;
}

export class MemorySnapshots {
  private readonly memory: PhysicalMemory;
  /** The snapshot that memory has been modified from; undefined before the first one. */
  private base: MemorySnapshot | undefined;
  /** Pages modified since `base`, in order of first store. */
  private dirty: number[] = [];
  private readonly originals = new Map<number, Uint8Array>();

  constructor(memory: PhysicalMemory) {
    this.memory = memory;
    memory.onStore(PageFlag.clean, (page) => this.firstStore(page));
  }

  /** Pages modified since the last snapshot or restore. */
  get modifiedPages(): readonly number[] {
    return this.dirty;
  }

  private firstStore(page: number): void {
    const { memory } = this;
    if (getPage(this.base!.tree, page) === undefined && !this.originals.has(page)) {
      const host = memory.hostOfPage(page);
      this.originals.set(page, memory.u8.slice(host, host + PAGE_SIZE));
    }
    memory.clearFlag(page, PageFlag.clean);
    this.dirty.push(page);
  }

  /** Takes a snapshot. The caller must drop the fast store TLBs afterwards: pages are clean again. */
  take(): MemorySnapshot {
    const { memory } = this;
    if (this.base === undefined) {
      const start = memory.layout.pageFlags;
      for (let page = 0; page < memory.layout.pages; page++) memory.u8[start + page]! |= PageFlag.clean;
      this.base = { tree: EMPTY_TREE };
      return this.base;
    }
    const contents: Uint8Array[] = [];
    for (const page of this.dirty) {
      const host = memory.hostOfPage(page);
      contents.push(memory.u8.slice(host, host + PAGE_SIZE));
      memory.u8[memory.layout.pageFlags + page]! |= PageFlag.clean;
    }
    this.base = { tree: withPages(this.base.tree, this.dirty, contents) };
    this.dirty = [];
    return this.base;
  }

  /**
   * Puts memory back. The caller must drop the fast store TLBs afterwards.
   * @param codeChanged called for each page with code whose contents change, before they do
   */
  restore(snapshot: MemorySnapshot, codeChanged: (page: number) => void): void {
    if (this.base === undefined) throw new Error('a snapshot of another machine');
    const pages = new Set(this.dirty);
    forEachDifference(this.base.tree, snapshot.tree, (page) => pages.add(page));
    for (const page of pages) {
      const content = getPage(snapshot.tree, page) ?? this.originals.get(page);
      if (content === undefined) throw new Error(`a snapshot without page ${page}`);
      this.replace(page, content, codeChanged);
    }
    this.base = snapshot;
    this.dirty = [];
  }

  private replace(page: number, content: Uint8Array, codeChanged: (page: number) => void): void {
    const { memory } = this;
    const host = memory.hostOfPage(page);
    if (memory.flags(page) & PageFlag.code && !equalPages(memory.u8, host, content)) codeChanged(page);
    memory.u8.set(content, host);
    memory.u8[memory.layout.pageFlags + page]! |= PageFlag.clean;
  }

  /** Forgets all snapshots: no page is clean any more. */
  forget(): void {
    const { memory } = this;
    this.base = undefined;
    this.dirty = [];
    this.originals.clear();
    for (let page = 0; page < memory.layout.pages; page++) memory.clearFlag(page, PageFlag.clean);
  }
}

function equalPages(memory: Uint8Array, at: number, content: Uint8Array): boolean {
  return Buffer.compare(memory.subarray(at, at + PAGE_SIZE), content) === 0;
}
