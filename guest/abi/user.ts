/**
 * Users: an object for each in the namespace `/users`, with no default rights, so that only the superuser (and programs it starts, such as `login`) reads
 * it. What a user may do is what the security context says that `login` starts the shell in; the user `root` has the superuser's.
 */
import { ObjectId } from './object.ts';

export const USER_MAGIC = 0x5245_5355_5a57_5454;
/** Bytes of a password, at most. */
export const PASSWORD_MAX = 128;
/** Rounds of SHA-256 that a guess costs. */
export const PASSWORD_ROUNDS = 2000;

/** From OBJ_NULLPAGE on. */
export class UserRecord {
  magic: u64;
  /** Rounds of the verifier; 0: no password is asked for. */
  rounds: u64;
  readonly salt: FixedArray<u64, 2>;
  /** SHA-256 of salt and password, then `rounds` times of salt and the digest before. */
  readonly verifier: FixedArray<u64, 4>;
  /** The user's security context; 0: the superuser's. */
  readonly context: Inline<ObjectId>;
  /** The namespace that the shell starts in; 0: the root. */
  readonly home: Inline<ObjectId>;
  /** The user's keyring; 0: the superuser's. */
  readonly keyring: Inline<ObjectId>;
}
