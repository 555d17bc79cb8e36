/** Cases about security: delegations. */
import { EXEC, READ, WRITE } from '../../abi/object.ts';
import {
  Capability,
  CB_DELEGATION,
  DELEGATION_MAGIC,
  Delegation,
  SC_DELEGATE,
  SC_EXPIRES,
} from '../../abi/security.ts';
import { SYS_REVOKE } from '../../abi/syscall.ts';
import { signEd25519 } from '../../crypto/ed25519.ts';
import { syscall } from '../../libtwz/syscall.ts';
import {
  ContextObject,
  capability,
  context,
  delegator,
  draft,
  expectRights,
  KeyPair,
  other,
  owner,
  scene,
  sign,
  stranger,
  target,
} from './security-scene.ts';
import { check, command } from './testing.ts';

const inner = zeroed<Capability>();
const delegation = zeroed<Delegation>();

/** `other` (whose key is `delegator`'s) passes on to `context` what it was given. */
function draftDelegation(given: u64, mask: u64): void {
  delegator.make(3);
  other.makeWithKey(0, delegator.object);
  context.make(0);
  draft(given);
  assign(capability.accessor, other.id);
  sign(capability, owner);
  assign(inner, capability);
  memory.fill(addressOf(delegation), 0, sizeof<Delegation>());
  assign(delegation.target, target);
  assign(delegation.delegatee, context.id);
  assign(delegation.delegator, other.id);
  delegation.mask = u32(mask);
  delegation.magic = DELEGATION_MAGIC;
}

/** Puts inner capability and delegation into `context`, signed by `key`. */
function putDelegation(key: KeyPair): void {
  const offset = context.room();
  assign(at<Capability>(context.base + offset), inner);
  delegation.inner = offset;
  signEd25519(
    addressOf(delegation.signature),
    addressOf(key.seed),
    addressOf(delegation),
    offsetof<Delegation>('inner'),
  );
  const place = context.room();
  assign(at<Delegation>(context.base + place), delegation);
  const bucket = context.bucket(target);
  bucket.flags = CB_DELEGATION;
  bucket.data = place;
}

function delegations(): void {
  draftDelegation(READ | WRITE | SC_DELEGATE, READ);
  putDelegation(delegator);
  expectRights(READ, 'less than the delegator has');
  draftDelegation(READ | SC_DELEGATE, READ | WRITE | EXEC);
  putDelegation(delegator);
  expectRights(READ, 'more than the delegator has');
  draftDelegation(READ | WRITE, READ);
  putDelegation(delegator);
  expectRights(0, 'a delegator without the right to delegate');
  draftDelegation(READ | SC_DELEGATE, READ);
  putDelegation(stranger);
  expectRights(0, 'signed by somebody else');
  draftDelegation(READ | SC_DELEGATE, READ);
  putDelegation(owner);
  expectRights(0, "signed by the target's owner, not by the delegator");
  // A delegator to whom nothing was given: the capability is another context's.
  draftDelegation(READ | SC_DELEGATE, READ);
  assign(inner.accessor, context.id);
  sign(inner, owner);
  putDelegation(delegator);
  expectRights(0, "somebody else's capability");
  draftDelegation(READ | SC_DELEGATE, READ);
  assign(delegation.delegatee, other.id);
  putDelegation(delegator);
  expectRights(0, 'meant for another context');
  draftDelegation(READ | SC_DELEGATE, READ);
  inner.rights |= WRITE;
  delegation.mask |= WRITE;
  putDelegation(delegator);
  expectRights(0, 'the inner capability was altered');
  draftDelegation(READ | SC_DELEGATE, READ);
  delegation.flags = SC_EXPIRES;
  delegation.expires = 1;
  putDelegation(delegator);
  expectRights(0, 'expired');
  draftDelegation(READ | SC_DELEGATE, READ);
  syscall(SYS_REVOKE, target.lo, target.hi, 1, 0, 0);
  putDelegation(delegator);
  expectRights(0, 'what it rests on was revoked');
}

/** A delegation of a delegation; a ring of delegations; one too deep. */
function chains(): void {
  draftDelegation(READ | WRITE | SC_DELEGATE, READ | SC_DELEGATE);
  // `other` delegates to `third`, which delegates to `context`.
  const third = stack<ContextObject>();
  const thirdKey = stack<KeyPair>();
  thirdKey.make(4);
  third.makeWithKey(0, thirdKey.object);
  const offset = context.room();
  assign(at<Capability>(context.base + offset), inner);
  assign(delegation.delegatee, third.id);
  delegation.inner = offset;
  signDelegation(delegator);
  const middle = context.room();
  assign(at<Delegation>(context.base + middle), delegation);
  assign(delegation.delegatee, context.id);
  assign(delegation.delegator, third.id);
  delegation.mask = READ | WRITE;
  delegation.inner = middle;
  signDelegation(thirdKey);
  const last = context.room();
  assign(at<Delegation>(context.base + last), delegation);
  let bucket = context.bucket(target);
  bucket.flags = CB_DELEGATION;
  bucket.data = last;
  expectRights(READ, 'through two delegations');
  // A delegation that rests on itself.
  context.makeWithKey(0, delegator.object);
  assign(delegation.delegatee, context.id);
  assign(delegation.delegator, context.id);
  delegation.mask = READ | SC_DELEGATE;
  const self = context.room();
  delegation.inner = self;
  signDelegation(delegator);
  assign(at<Delegation>(context.base + self), delegation);
  bucket = context.bucket(target);
  bucket.flags = CB_DELEGATION;
  bucket.data = self;
  expectRights(0, 'a ring');
}

function signDelegation(key: KeyPair): void {
  signEd25519(
    addressOf(delegation.signature),
    addressOf(key.seed),
    addressOf(delegation),
    offsetof<Delegation>('inner'),
  );
}

/** @export */
function main(): void {
  scene();
  const which = command();
  if (which.equals('delegations')) delegations();
  else if (which.equals('chains')) chains();
  else check(false, 'no such case');
}
