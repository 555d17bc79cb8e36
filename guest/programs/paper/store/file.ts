/**
 * A file that programs read and write, as an object behind the least that a file system must do: `read` and `write` are a system call and a copy,
 * written data go past the caches to the NVDIMM (as with ext4-DAX and NOVA), `sync` is a system call and the fence that waits for them. The system call
 * does nothing: looking the file up, locks, the map of blocks and the journal of the file system's own data are not counted, so a real one costs more.
 */
import { SYS_NULL } from '../../../abi/syscall.ts';
import { clean, persistFence } from '../../../libtwz/persist.ts';
import { syscall } from '../../../libtwz/syscall.ts';
import { copyFresh } from './page.ts';

export class File {
  /** Address of the file's first byte; 0: not open. */
  base: usize;

  read(offset: u64, buffer: usize, size: u64): void {
    syscall(SYS_NULL, 0, 0, 0, 0, 0);
    memory.copy(buffer, this.base + offset, size);
  }

  /** What is overwritten may be lost, in part or whole, until `sync`. */
  write(offset: u64, buffer: usize, size: u64): void {
    syscall(SYS_NULL, 0, 0, 0, 0, 0);
    copyFresh(this.base + offset, buffer, size);
    clean(this.base + offset, size);
  }

  sync(): void {
    syscall(SYS_NULL, 0, 0, 0, 0, 0);
    persistFence();
  }
}
