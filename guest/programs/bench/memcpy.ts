/** Block copies written as loops: by bytes, by words, by four words at a time, and backwards. */
const SIZE = 4096;
const from = zeroed<FixedArray<u64, 512>>();
const to = zeroed<FixedArray<u64, 512>>();

function copyBytes(target: Ptr<u8>, source: Ptr<u8>, count: u64): void {
  for (let i: u64 = 0; i < count; i++) target[i] = source[i];
}

function copyWords(target: Ptr<u64>, source: Ptr<u64>, count: u64): void {
  for (let i: u64 = 0; i < count; i++) target[i] = source[i];
}

function copyUnrolled(target: usize, source: usize, bytes: u64): void {
  let d = target;
  let s = source;
  const end = source + bytes;
  while (s < end) {
    const a = load<u64>(s, 0);
    const b = load<u64>(s, 8);
    const c = load<u64>(s, 16);
    const e = load<u64>(s, 24);
    store<u64>(d, a, 0);
    store<u64>(d, b, 8);
    store<u64>(d, c, 16);
    store<u64>(d, e, 24);
    s += 32;
    d += 32;
  }
}

function copyBackwards(target: Ptr<u8>, source: Ptr<u8>, count: u64): void {
  for (let i = count; i > 0; i--) target[i - 1] = source[i - 1];
}

/** @export */
export function run(rounds: u64): u64 {
  let sum: u64 = 0;
  for (let i: u64 = 0; i < 512; i++) from[i] = i * 0x0101_0101_0101_0101;
  const source = addressOf(from);
  const target = addressOf(to);
  for (let r: u64 = 0; r < rounds; r++) {
    copyBytes(changetype<Ptr<u8>>(target), changetype<Ptr<u8>>(source), SIZE);
    sum += to[r & 511];
    copyWords(changetype<Ptr<u64>>(source), changetype<Ptr<u64>>(target), 512);
    from[r & 511] += 1;
    copyUnrolled(target, source, SIZE);
    sum += to[r & 511];
    copyBackwards(changetype<Ptr<u8>>(source), changetype<Ptr<u8>>(target), SIZE);
  }
  return sum;
}
