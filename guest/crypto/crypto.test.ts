/** Do the guest's SHA-256, SHA-512 and Ed25519 agree with another implementation and with the vectors of RFC 8032? */
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { paddr } from '../../emulator/addresses.ts';
import { Random } from '../../emulator/random.ts';
import { type LoadedProgram, unitOf } from '../../tools/compiler/testing/guest-unit.ts';

const SOURCE = `
import { Sha256 } from './sha256.ts';
import { Sha512 } from './sha512.ts';
import { publicKeyEd25519, signEd25519, verifyEd25519 } from './ed25519.ts';
const input = zeroed<FixedArray<u8, 4096>>();
const output = zeroed<FixedArray<u8, 64>>();
const key = zeroed<FixedArray<u8, 64>>();
const signature = zeroed<FixedArray<u8, 64>>();
const small = zeroed<Sha256>();
const large = zeroed<Sha512>();
function sha256(size: u64, piece: u64): void {
  small.begin();
  for (let done: u64 = 0; done < size; done += piece) small.update(addressOf(input) + done, min<u64>(piece, size - done));
  small.finish(addressOf(output));
}
function sha512(size: u64, piece: u64): void {
  large.begin();
  for (let done: u64 = 0; done < size; done += piece) large.update(addressOf(input) + done, min<u64>(piece, size - done));
  large.finish(addressOf(output));
}
function publicKey(): void { publicKeyEd25519(addressOf(output), addressOf(key)); }
function signMessage(size: u64): void { signEd25519(addressOf(signature), addressOf(key), addressOf(input), size); }
function verify(size: u64): u64 { return u64(verifyEd25519(addressOf(key), addressOf(input), size, addressOf(signature))); }
`;

let program: LoadedProgram;
beforeAll(() => {
  const entry = join(dirname(fileURLToPath(import.meta.url)), 'unit.ts');
  program = unitOf({ [entry]: SOURCE }, entry);
});

function put(name: string, bytes: Uint8Array): void {
  program.machine.memory.writeBytes(paddr(Number(program.address(name))), bytes);
}
const get = (name: string, size: number): string =>
  Buffer.from(program.read(program.address(name), size)).toString('hex');

describe.each([
  ['sha256', 32],
  ['sha512', 64],
])('%s', (name, size) => {
  test('of messages of all lengths around a block, in pieces of any size', () => {
    const random = new Random(1);
    for (const length of [0, 1, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 255, 1000]) {
      const message = Uint8Array.from({ length }, () => random.below(256));
      put('input', message);
      program.call(name, BigInt(length), BigInt(1 + random.below(200)));
      expect(get('output', size)).toBe(createHash(name).update(message).digest('hex'));
    }
  });
});

/** RFC 8032 §7.1: secret key, public key, message, signature. */
const VECTORS = [
  [
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
] as const;

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));

describe('Ed25519', () => {
  test.each(VECTORS)('vector %#', (secret, publicKey, message, signature) => {
    put('key', bytes(secret));
    program.call('publicKey');
    expect(get('output', 32)).toBe(publicKey);
    put('input', bytes(message));
    program.call('signMessage', BigInt(message.length / 2));
    expect(get('signature', 64)).toBe(signature);
    put('key', bytes(publicKey));
    expect(program.call('verify', BigInt(message.length / 2))).toBe(1n);
  });

  test('a bit changed anywhere in key, message or signature is refused', () => {
    const [, publicKey, message, signature] = VECTORS[2];
    const random = new Random(2);
    for (let i = 0; i < 12; i++) {
      const parts = { key: bytes(publicKey), input: bytes(message), signature: bytes(signature) };
      const name = (['key', 'input', 'signature'] as const)[i % 3]!;
      const part = parts[name];
      const at = random.below(part.length);
      part[at] = part[at]! ^ (1 << random.below(8));
      for (const [where, what] of Object.entries(parts)) put(where, what);
      expect(program.call('verify', 2n)).toBe(0n);
    }
  });

  test('a signature with s + order, which is as good to the equation, is refused (RFC 8032 §5.1.7)', () => {
    const [, publicKey, message, signature] = VECTORS[1];
    const changed = bytes(signature);
    const order = (1n << 252n) + 27742317777372353535851937790883648493n;
    let s = changed.slice(32).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n) + order;
    for (let i = 32; i < 64; i++, s >>= 8n) changed[i] = Number(s & 0xffn);
    put('key', bytes(publicKey));
    put('input', bytes(message));
    put('signature', changed);
    expect(program.call('verify', 1n)).toBe(0n);
  });

  test('signatures of random messages are those of another implementation', () => {
    const random = new Random(3);
    for (let i = 0; i < 4; i++) {
      const seed = Buffer.from(Array.from({ length: 32 }, () => random.below(256)));
      const message = Buffer.from(Array.from({ length: random.below(300) }, () => random.below(256)));
      const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
      const secret = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
      const expected = sign(null, message, secret).toString('hex');
      put('key', seed);
      put('input', message);
      program.call('signMessage', BigInt(message.length));
      expect(get('signature', 64)).toBe(expected);
      program.call('publicKey');
      const exported = createPublicKey(secret).export({ format: 'der', type: 'spki' });
      expect(get('output', 32)).toBe(exported.subarray(-32).toString('hex'));
    }
  });
});
