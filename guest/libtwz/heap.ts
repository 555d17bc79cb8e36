/**
 * The program's volatile memory for `new` and for buffers: an object of its own that ends with the program. Nothing
 * is given back; programs are short-lived, and what lasts lies in objects with an allocator (alloc.ts).
 */
import { DELETE, OBJ_NULLPAGE, OBJ_TOPDATA, ObjectId, READ, WRITE } from '../abi/object.ts';
import { CREATE_TIED, CREATE_VOLATILE } from '../abi/syscall.ts';
import { SpinLock } from './lock.ts';
import { createObject, openObject } from './object.ts';

const lock = zeroed<SpinLock>();
let next: usize = 0;
let limit: usize = 0;

/** `size` bytes of zeros, aligned to `align` (a power of two). */
export function allocate(size: usize, align: usize): usize {
  lock.acquire();
  if (next === 0) {
    const id = stack<ObjectId>();
    if (createObject(id, READ | WRITE | DELETE | CREATE_VOLATILE | CREATE_TIED) !== 0)
      panic('no memory for a heap');
    const base = openObject(id);
    next = base + OBJ_NULLPAGE;
    limit = base + OBJ_TOPDATA;
  }
  const address = (next + align - 1) & ~(align - 1);
  if (size > limit - address) panic('the heap is full');
  next = address + size;
  lock.release();
  return address;
}

/** @export */
function __new(size: usize, align: usize): usize {
  return allocate(size, align);
}
