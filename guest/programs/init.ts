/** The smallest program: says hello through the kernel's console. */
import '../libtwz/start.ts';
import { SYS_DEBUG_PRINT } from '../abi/syscall.ts';
import { syscall } from '../libtwz/syscall.ts';

/** @export */
function main(): u64 {
  const text = 'hello, object space\n';
  syscall(SYS_DEBUG_PRINT, text.ptr.address, text.length, 0, 0, 0);
  return 0;
}
