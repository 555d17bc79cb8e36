/** What the kernel's error codes mean to a person, as the end of a sentence that begins with the object's name. */
import {
  EBUSY,
  EEXIST,
  EFAULT,
  EINVAL,
  EIO,
  EKEYREJECTED,
  ENOENT,
  ENOMEM,
  ENOSPC,
  EPERM,
} from '../abi/syscall.ts';

/** The text for what `lookup` returned. */
export function lookupText(result: i64): str {
  switch (-result) {
    case EINVAL:
      return 'a part of the path is not a namespace';
    case EPERM:
      return 'you have not the right to read a namespace of the path';
    case EIO:
      return 'a namespace of the path is lost: the NVDIMM has lost what it held';
  }
  return 'no such name';
}

/** Why a name cannot be given: what `assignName` returned. */
export function nameText(result: i64): str {
  switch (-result) {
    case EEXIST:
      return 'the name is taken';
    case EPERM:
      return 'you have not the right to write the namespace';
  }
  return 'cannot be named there';
}

/** The text for a result below zero. */
export function errorText(result: i64): str {
  switch (-result) {
    case EPERM:
      return 'you have not the right to do that';
    case ENOENT:
      return 'no such object';
    case EIO:
      return 'its page is poisoned: the NVDIMM has lost what it held';
    case ENOMEM:
      return 'no memory left (free shows how much there is)';
    case ENOSPC:
      return 'no space left in the object store (df shows how much there is)';
    case EFAULT:
      return 'it cannot be read or written';
    case EBUSY:
      return 'it is in use';
    case EEXIST:
      return 'the name is taken';
    case EINVAL:
      return 'that cannot be done with it';
    case EKEYREJECTED:
      return 'the signature does not hold';
  }
  return 'the kernel refused';
}
