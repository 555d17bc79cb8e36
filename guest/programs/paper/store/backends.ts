/** The four stores by their names. */

import * as lmdb from './lmdb.ts';
import * as native from './native.ts';
import * as pmdk from './pmdk.ts';
import { Backend } from './store.ts';
import * as twz from './twz.ts';

export const BACKENDS: FixedArray<Inline<Backend>, 4> = [
  {
    name: 'native',
    objects: 2,
    format: native.format,
    open: native.open,
    begin: native.begin,
    commit: native.commit,
    get: native.get,
    put: native.put,
    remove: native.remove,
    first: native.first,
    last: native.last,
    seek: native.seek,
    next: native.next,
    key: native.keyOf,
    value: native.valueOf,
    isWhole: native.isWhole,
  },
  {
    name: 'lmdb',
    objects: 1,
    format: lmdb.format,
    open: lmdb.open,
    begin: lmdb.begin,
    commit: lmdb.commit,
    get: lmdb.get,
    put: lmdb.put,
    remove: lmdb.remove,
    first: lmdb.first,
    last: lmdb.last,
    seek: lmdb.seek,
    next: lmdb.next,
    key: lmdb.keyOf,
    value: lmdb.valueOf,
    isWhole: lmdb.isWhole,
  },
  {
    name: 'pmdk',
    objects: 1,
    format: pmdk.format,
    open: pmdk.open,
    begin: pmdk.begin,
    commit: pmdk.commit,
    get: pmdk.get,
    put: pmdk.put,
    remove: pmdk.remove,
    first: pmdk.first,
    last: pmdk.last,
    seek: pmdk.seek,
    next: pmdk.next,
    key: pmdk.keyOf,
    value: pmdk.valueOf,
    isWhole: pmdk.isWhole,
  },
  {
    name: 'twz',
    objects: 1,
    format: twz.format,
    open: twz.open,
    begin: twz.begin,
    commit: twz.commit,
    get: twz.get,
    put: twz.put,
    remove: twz.remove,
    first: twz.first,
    last: twz.last,
    seek: twz.seek,
    next: twz.next,
    key: twz.keyOf,
    value: twz.valueOf,
    isWhole: twz.isWhole,
  },
];

/** The backend of this name, or null. */
export function findBackend(name: str): Backend | null {
  for (const backend of BACKENDS) if (backend.name.equals(name)) return backend;
  return null;
}
